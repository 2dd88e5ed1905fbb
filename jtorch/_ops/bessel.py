"""Bessel and Airy functions of real numbers (Abramowitz & Stegun 1964, chapters 9 and 10), from Chebyshev series.

Near zero the series are in x², far away they are the slowly varying factors of the asymptotic forms.  None has a gradient, as in PyTorch.
"""
from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax.scipy import special

from .._core.op import FLOAT, Array, op
from .checks import scalar_type

J0 = (0.15772797147489012, -0.008723442352852221, 0.2651786132033368, -0.37009499387264977, 0.15806710233209725, -0.034893769411408884,
      0.004819180069467605, -0.00046062616620627504, 3.246032882100508e-05, -1.7619469077621507e-06, 7.608163592418782e-08, -2.679253530557673e-09,
      7.848696314479465e-11, -1.9438346867370164e-12, 4.125320595634374e-14, -7.588508125447546e-16, 1.2218515873961411e-17)
J1 = (0.08104484632565812, -0.1489751450676521, 0.1609992623572097, -0.08268049176681791, 0.022213639654966037, -0.003646940600769276,
      0.0004050337728354822, -3.255554866857259e-05, 1.9858774049915165e-06, -9.521984756750436e-08, 3.687133759097148e-09, -1.178026622695885e-10,
      3.160154580348003e-12, -7.221755239651773e-14, 1.4232144003513942e-15, -2.4441972916190464e-17)
Y0 = (-0.03314611320328494, -0.2744743055297453, 0.17903431407718265, 0.26156734625504663, -0.17730201278114358, 0.04719668959576339,
      -0.007287962479552079, 0.0007531135932577742, -5.632079141056987e-05, 3.206532537654801e-06, -1.44072332740187e-07, 5.248794787330516e-09,
      -1.5837552541812015e-10, 4.02633081830612e-12, -8.747341203310769e-14, 1.6434898714919468e-15, -2.6977881152566837e-17)
Y1 = (0.0025380132357417816, -0.01608717304766875, -0.09591204536083074, 0.08445197259652346, -0.028328123944594365, 0.005289897544167113,
      -0.0006414551451326356, 5.505982873338744e-05, -3.53808001868935e-06, 1.7707804556154404e-07, -7.11055004989928e-09, 2.344337905911516e-10,
      -6.4651518414115946e-12, 1.51429151205002e-13, -3.0511859694473254e-15, 5.34668038572867e-17, -8.224911372021585e-19)
P0 = (0.9994603493475187, -0.0005365220468132117, 3.0751847875194745e-06, -5.1705945376060975e-08, 1.6306464635151382e-09, -7.86409137723707e-11,
      5.168262387349193e-12, -4.3045788699253914e-13, 4.3265957431549404e-14, -5.069034095935236e-15, 6.748072215733873e-16,
      -1.0011513723467786e-16, 1.6305919233744186e-17)
Q0 = (-0.015555854605337009, 6.838519942611649e-05, -7.414498411060647e-07, 1.7972457247968992e-08, -7.27191593686632e-10, 4.2201219046687385e-11,
      -3.206747420996635e-12, 3.006145125351706e-13, -3.336328185322427e-14, 4.255225040245461e-15, -6.09993013164005e-16, 9.662128970303257e-17,
      -1.6686065214378146e-17, 3.1082440486738143e-18, -6.191115787358145e-19, 1.3091448717220122e-19)
P1 = (1.0009030408600137, 0.0008989898330859408, -3.987284300488908e-06, 6.177633960644299e-08, -1.8718907491063067e-09, 8.816898659582339e-11,
      -5.704863640395645e-12, 4.699195515230542e-13, -4.6842237839904895e-14, 5.452674896044717e-15, -7.221180842274018e-16, 1.0667689114335412e-16,
      -1.7312313216116335e-17, 3.0492991197665872e-18)
Q1 = (0.04677778706953532, -9.62772354915708e-05, 9.138615257955454e-07, -2.0959781384083424e-08, 8.229193327650554e-10, -4.686363688176945e-11,
      3.5152187949686082e-12, -3.2643156743279e-13, 3.5967765829165294e-14, -4.5612523950772974e-15, 6.508282957783384e-16, -1.0269147531823243e-16,
      1.767635548776479e-17, -3.2834519872981614e-18, 6.524081149589261e-19)
K0 = (-0.2676636966169514, 0.3442898999246285, 0.0359799365153615, 0.001264615411446926, 2.286212103119452e-05, 2.5347910790261494e-07,
      1.904516377220209e-09, 1.0349695257633625e-11, 4.2598161427910826e-14, 1.3744654358807508e-16)
K1 = (0.7626501136694739, -0.3531559607765449, -0.12261118082265715, -0.006975723859639864, -0.0001730288957513052, -2.4334061415659684e-06,
      -2.213387630734726e-08, -1.4114883926335278e-10, -6.666901694199329e-13, -2.427449850519366e-15, -7.023863479386288e-18)
K0_FAR = (1.2201515410329777, -0.0314481013119645, 0.0015698838857300533, -0.00012849549581627802, 1.39498137188765e-05, -1.8317555227191195e-06,
          2.766813639445015e-07, -4.660489897687948e-08, 8.574034017414225e-09, -1.6975345093890614e-09, 3.5773972814003283e-10,
          -7.957489244477396e-11, 1.8559491149549264e-11, -4.514597883374519e-12, 1.1403405882073441e-12, -2.9800969231481784e-13,
          8.032890775068375e-14, -2.2275133267462965e-14, 6.340076476276646e-15, -1.848593377920907e-15, 5.5120559994043335e-16,
          -1.6782311257549006e-16, 5.2103917776435543e-17, -1.6475805939842632e-17, 5.3004337711773354e-18)
K1_FAR = (1.3603130952422213, 0.10392373657681724, -0.002857816859622779, 0.00019521551847135162, -1.936197974166083e-05, 2.406484947837217e-06,
          -3.5019606030878126e-07, 5.7410841254500495e-08, -1.0345762465678097e-08, 2.0150497551970347e-09, -4.1903547593419254e-10,
          9.218315187605315e-11, -2.129967838427791e-11, 5.139639673482343e-12, -1.2891739609498229e-12, 3.348419666052243e-13,
          -8.976705182010146e-14, 2.4771544242195988e-14, -7.0198370892147685e-15, 2.038703166239861e-15, -6.057047270643018e-16,
          1.8380935752430455e-16, -5.689462849193648e-17, 1.7940510478863572e-17, -5.7567444820733025e-18)
AIRY = (0.14887000838823525, -0.010753975203151748, -0.012316910869656663, -0.2683035377189841, 0.16200955250219282, 0.10564797304356993,
        -0.13323278820698276, 0.026566007399595148, 0.024555842533735908, -0.0155906142726495, 0.0012170554848094219, 0.0020459798256375807,
        -0.0008330186080463056, 7.127328501978427e-06, 8.86079219133315e-05, -2.546986371801634e-05, -1.0830797485089815e-06,
        2.3558506451968096e-06, -5.019126858453138e-07, -4.352129271574704e-08, 4.2372252389634075e-08, -6.859361009975495e-09,
        -8.930573287466137e-10, 5.497008088887091e-10, -6.823218162603083e-11, -1.2147719405347348e-11, 5.384133272631842e-12,
        -5.100452790102704e-13, -1.2058497737283476e-13, 4.120069312025285e-14, -2.9181814160190377e-15, -9.213122672622834e-16,
        2.529476746322138e-16, -1.2812388280132574e-17, -5.612494189207279e-18, 1.2726376079680441e-18)
AIRY_RIGHT = (0.27796643642840824, -0.003927661675872096, 0.0001842360145220447, -1.4657510124588833e-05, 1.5617016448099634e-06,
              -2.0211439365947963e-07, 3.015923287179616e-08, -5.025936816102858e-09, 9.156969528431603e-10, -1.7967427831179933e-10,
              3.754749004193595e-11, -8.285755850987484e-12, 1.9178964665364323e-12, -4.63143993547124e-13, 1.1616751188270698e-13,
              -3.015322010085176e-14, 8.07451317234917e-15, -2.224765087073803e-15, 6.292856755815397e-16, -1.8236759069921368e-16,
              5.405433774323121e-17, -1.6361844565414694e-17, 5.050834688623691e-18, -1.5881693741344275e-18)
AIRY_P = (0.9996723415461005, -0.0003255483561055322, 2.069745155969119e-06, -3.890961736474424e-08, 1.3645959446950337e-09, -7.265563438866682e-11,
          5.234675629062907e-12, -4.749669415821452e-13, 5.172156139604189e-14, -6.533725295545284e-15, 9.33927407277721e-16,
          -1.4823330512580455e-16, 2.5745988399644002e-17, -4.8369440585693956e-18)
AIRY_Q = (0.009272787915716868, -4.36175518450266e-05, 5.29408468379181e-07, -1.434118865710255e-08, 6.440324847796898e-10, -4.1176387496476087e-11,
          3.4235445378828598e-12, -3.490421701751702e-13, 4.190838856265692e-14, -5.756075237141602e-15, 8.850415992299218e-16,
          -1.4983889943593537e-16, 2.7572529590754257e-17, -5.457802245876769e-18, 1.1523597740972649e-18, -2.5773171990728105e-19,
          6.07062870393373e-20)
NEAR, LEFT, RIGHT = 8.0, 5.0, 2.1                            # where the asymptotic forms begin: Bessel, Airy below zero, Airy above


def series(t: Array, coefficients: Sequence[float]) -> Array:
    """The sum of Chebyshev polynomials at t in [-1, 1] (Clenshaw 1955)."""
    one = two = jnp.zeros_like(t)
    for c in coefficients[:0:-1]:
        one, two = 2 * t * one - two + c, one
    return t * one - two + coefficients[0]


def require_plain(input: Array, kernel: str) -> None:
    """Raise PyTorch's error for other types than float32 and float64."""
    if input.dtype.name not in ("float32", "float64"):
        raise NotImplementedError(f'"{kernel}_cpu" not implemented for \'{scalar_type(input)}\'')


def _near(x: Array, coefficients: Sequence[float], limit: float = NEAR) -> Array:
    """A series in x² up to `limit`."""
    x = jnp.minimum(x, limit)
    return series(2 * jnp.square(x / limit) - 1, coefficients)


def _wave(x: Array, order: int, second: bool) -> Array:
    """J or Y (`second`) far from zero: a damped wave."""
    x = jnp.where(x < NEAR, NEAR, x)
    t = 2 * jnp.square(NEAR / x) - 1
    p, q = series(t, (P0, P1)[order]), NEAR / x * series(t, (Q0, Q1)[order])
    phase = x - (0.25 + 0.5 * order) * math.pi
    along, across = (jnp.sin(phase), -jnp.cos(phase)) if second else (jnp.cos(phase), jnp.sin(phase))
    return math.sqrt(2 / math.pi) / jnp.sqrt(x) * (p * along - q * across)


def _j0(x: Array) -> Array:
    return jnp.where(x <= NEAR, _near(x, J0), _wave(x, 0, False))


def _j1(x: Array) -> Array:
    return jnp.where(x <= NEAR, x * _near(x, J1), _wave(x, 1, False))


@op(FLOAT, home="special", inplace=False, differentiable=False)
def bessel_j0(input: Array) -> Array:
    """Bessel function of the first kind of order 0."""
    require_plain(input, "bessel_j0")
    return _j0(jnp.abs(input))


@op(FLOAT, home="special", inplace=False, differentiable=False)
def bessel_j1(input: Array) -> Array:
    """Bessel function of the first kind of order 1."""
    require_plain(input, "bessel_j1")
    return jnp.where(input < 0, -1, 1) * jnp.where(input == 0, input, _j1(jnp.abs(input)))


def _second(input: Array, near: Array, order: int) -> Array:
    """Y: negative infinity at 0, no number below."""
    found = jnp.where(input <= NEAR, near, _wave(input, order, True))
    return jnp.where(input == 0, -jnp.inf, jnp.where(input < 0, jnp.nan, found))


@op(FLOAT, home="special", inplace=False, differentiable=False)
def bessel_y0(input: Array) -> Array:
    """Bessel function of the second kind of order 0."""
    require_plain(input, "bessel_y0")
    return _second(input, 2 / math.pi * jnp.log(input) * _j0(input) + _near(input, Y0), 0)


@op(FLOAT, home="special", inplace=False, differentiable=False)
def bessel_y1(input: Array) -> Array:
    """Bessel function of the second kind of order 1."""
    require_plain(input, "bessel_y1")
    return _second(input, 2 / math.pi * (jnp.log(input) * _j1(input) - 1 / input) + input * _near(input, Y1), 1)


@op(FLOAT, home="special", inplace=False, differentiable=False)
def modified_bessel_i0(input: Array) -> Array:
    """Modified Bessel function of the first kind of order 0."""
    require_plain(input, "modified_bessel_i0")
    return jnp.exp(jnp.abs(input)) * special.i0e(input)


@op(FLOAT, home="special", inplace=False, differentiable=False)
def modified_bessel_i1(input: Array) -> Array:
    """Modified Bessel function of the first kind of order 1."""
    require_plain(input, "modified_bessel_i1")
    return jnp.exp(jnp.abs(input)) * special.i1e(input)


def _modified(input: Array, order: int, scaled: bool) -> Array:
    """K, times exp(x) where `scaled`: infinity at 0, no number below."""
    x = jnp.minimum(input, 2.0)
    if order:
        near = jnp.log(x / 2) * special.i1(x) + _near(x, K1, 2.0) / x
    else:
        near = _near(x, K0, 2.0) - jnp.log(x / 2) * special.i0(x)
    far = series(4 / jnp.maximum(input, 2.0) - 1, (K0_FAR, K1_FAR)[order]) / jnp.sqrt(input)
    near, far = (near * jnp.exp(x), far) if scaled else (near, far * jnp.exp(-input))
    return jnp.where(input == 0, jnp.inf, jnp.where(input < 0, jnp.nan, jnp.where(input <= 2, near, far)))


def _declare_modified(name: str, text: str, order: int, scaled: bool) -> None:
    def unscaled(input: Array) -> Array:
        require_plain(input, name)
        return _modified(input, order, False)

    def exponentially(x: Array) -> Array:
        require_plain(x, name)
        return _modified(x, order, True)
    body = exponentially if scaled else unscaled
    body.__doc__ = f"Modified Bessel function of the second kind of order {order}{text}."
    op(FLOAT, name=name, home="special", inplace=False, differentiable=False)(body)


_declare_modified("modified_bessel_k0", "", 0, False)
_declare_modified("modified_bessel_k1", "", 1, False)
_declare_modified("scaled_modified_bessel_k0", ", times exp(x)", 0, True)
_declare_modified("scaled_modified_bessel_k1", ", times exp(x)", 1, True)


@op(FLOAT, home="special", inplace=False, differentiable=False)
def spherical_bessel_j0(x: Array) -> Array:
    """Spherical Bessel function of the first kind of order 0: sin(x) / x."""
    require_plain(x, "spherical_bessel_j0")
    return jnp.where(jnp.isinf(x), 0, jnp.where(x == 0, 1, jnp.sin(x) / x))


@op(FLOAT, home="special", inplace=False, differentiable=False)
def airy_ai(x: Array) -> Array:
    """Airy function Ai."""
    require_plain(x, "airy_ai")
    middle = series((2 * jnp.clip(x, -LEFT, RIGHT) + LEFT - RIGHT) / (LEFT + RIGHT), AIRY)
    y = jnp.maximum(x, RIGHT)
    power = 2 / 3 * y * jnp.sqrt(y)
    right = jnp.exp(-power) / jnp.sqrt(jnp.sqrt(y)) * series(2 * (2 / 3 * RIGHT ** 1.5) / power - 1, AIRY_RIGHT)
    y = jnp.maximum(-x, LEFT)
    phase = 2 / 3 * y * jnp.sqrt(y)
    part = 2 / 3 * LEFT ** 1.5 / phase
    t, angle = 2 * part * part - 1, phase - math.pi / 4
    left = (series(t, AIRY_P) * jnp.cos(angle) + part * series(t, AIRY_Q) * jnp.sin(angle)) / (math.sqrt(math.pi) * jnp.sqrt(jnp.sqrt(y)))
    return jnp.where(jnp.isinf(x), jnp.nan, jnp.where(x > RIGHT, right, jnp.where(x < -LEFT, left, middle)))
