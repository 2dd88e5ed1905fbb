"""The table of cases for the operators of `torch.nn.functional`: `case(op, *sample inputs, **options)`, `raises(op, inputs, error)`."""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch


CASES: list[Case] = []
ERRORS: list[tuple[str, tuple, dict]] = []
nan, inf = math.nan, math.inf


@dataclass
class Sample:
    """A sample operand: how to draw it, and whether it is differentiated."""
    draw: Callable[[np.random.Generator], np.ndarray]
    floating: bool = True


@dataclass
class Case:
    """One call of one operator, what it is compared with, and how closely."""
    name: str
    inputs: tuple
    options: dict
    against: Callable | None = None
    tolerance: float = 1
    gradient: bool = True
    types: tuple[str, ...] = ("float32", "float64")
    fixed: tuple[int, ...] = field(default=())                        # floating operands that PyTorch does not differentiate


def case(name: str, *inputs: object, against: Callable | None = None, tolerance: float = 1, gradient: bool = True,
         types: tuple[str, ...] = ("float32", "float64"), fixed: tuple[int, ...] = (), **options: object) -> None:
    """Add a case; `against` is the PyTorch function where its name is not the operator's."""
    CASES.append(Case(name, inputs, options, against, tolerance, gradient, types, fixed))


def raises(name: str, *inputs: object, **options: object) -> None:
    """Add a call that must fail with PyTorch's class and text."""
    ERRORS.append((name, inputs, options))


def f(*shape: int, scale: float = 1.0) -> Sample:
    """Normal numbers."""
    return Sample(lambda rng: np.asarray(rng.standard_normal(shape) * scale))


def u(*shape: int, low: float = 0.05, high: float = 0.95) -> Sample:
    """Uniform numbers."""
    return Sample(lambda rng: rng.uniform(low, high, shape))


def v(*values: object) -> Sample:
    """The floating point numbers given."""
    return Sample(lambda rng: np.array(values, float))


def i(values: object, type: str = "int64") -> Sample:
    """The integers given."""
    return Sample(lambda rng: np.array(values, type), floating=False)


def index(high: int, *shape: int) -> Sample:
    """Indices below `high`."""
    return Sample(lambda rng: rng.integers(0, high, shape), floating=False)


def distinct(*shape: int) -> Sample:
    """Numbers without ties."""
    return Sample(lambda rng: rng.permutation(math.prod(shape)).reshape(shape) * 0.1 - 1)


def levels(*shape: int) -> Sample:
    """Numbers with many ties."""
    return Sample(lambda rng: rng.integers(-2, 3, shape).astype(float))


def kw(**options: object) -> dict:
    """Options by name."""
    return options


# activations: matrix, edges, scalar, empty
EDGES = v(-inf, -200.0, -4.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0, 19.9, 20.0, 20.1, 200.0)
NUMBERS = v(-200.0, -4.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0, 200.0)      # without nan: its gradient is not nan there
FINITE = v(-200.0, -4.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0, 19.9, 20.0, 20.1, 85.0, 200.0, nan)
for name in ("relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "tanhshrink",
             "softshrink", "hardshrink", "hardswish", "logsigmoid"):
    case(name, f(3, 4))
    case(name, NUMBERS if name in ("elu", "selu", "celu", "hardswish") else FINITE)
    case(name, f())
    case(name, f(2, 0))
case("hardsigmoid", f(3, 4, scale=3.0))
case("hardsigmoid", v(-inf, -4, -3, 0, 3, 4, inf))
for name in ("relu", "relu6", "hardtanh"):
    case(name, i([-2, 0, 3, 9]))
for name in ("softsign", "tanhshrink"):
    case(name, i([-2, 0, 3, 9]), types=("float32",))
case("hardtanh", f(3, 4), -0.5, 0.25)
case("leaky_relu", EDGES, 0.2)
case("elu", f(3, 4), 0.3)
case("celu", f(3, 4), 0.3, tolerance=1e4)                             # PyTorch keeps 1/alpha in float32
case("celu", f(3, 4), -0.3, tolerance=1e4)                            # the same
case("gelu", FINITE, approximate="tanh")
case("gelu", f(3, 4, scale=3.0), approximate="tanh")
case("softplus", FINITE, 2.0, 5.0)
case("softshrink", EDGES, 1.0)
case("hardshrink", EDGES, 1.0)
case("threshold", EDGES, 0.5, 7.0)
case("threshold", i([1, 2, 3]), 1, 20)
case("prelu", f(2, 3, 4), v(0.25))
case("prelu", f(2, 3, 4), f(3))
case("prelu", v(0.0, -1.0, nan), v(0.25))
case("prelu", f(3), f())
case("prelu", f(), f(1))
case("glu", f(3, 4))
case("glu", f(4, 3), 0)
for name in ("softmax", "log_softmax", "softmin"):
    for dim in (0, 1, -1):
        case(name, f(3, 4), dim)
    case(name, f(2, 3, 4, scale=40.0), 1)
    case(name, f(), 0)
    case(name, f(2, 0), 1)
    case(name, f(0, 3), 1)
    case(name, v(-inf, 0.0, 1.0), 0, gradient=name != "log_softmax")     # -inf - -inf: PyTorch's gradient there is nan or not by its code path
case("gumbel_softmax_apply", f(3, 4), f(3, 4), 0.7, False, 1, against=lambda x, g, tau, hard, dim: ((x + g) / tau).softmax(dim))
case("dropout_apply", f(3, 4), i([[1, 0, 1, 1]] * 3, "bool"), 0.4, against=lambda x, keep, p: x * (keep.to(x.dtype) / (1 - p)))
case("dropout_apply", f(3, 4), i([[0] * 4], "bool"), 1.0, against=lambda x, keep, p: x * 0)
SATURATION = 1.7580993408473766
DROPPED = ((SATURATION ** 2 * 0.4 + 1) * 0.6) ** -0.5
case("rrelu_apply", f(3, 4), u(3, 4), against=lambda x, noise: torch.where(x <= 0, x * noise, x))
case("alpha_dropout_apply", f(3, 4), i([[1, 0, 1, 1]] * 3, "bool"), 0.4,
     against=lambda x, n, p: x * (n * DROPPED) + (n.to(x.dtype) - 1) * (SATURATION * DROPPED) + SATURATION * DROPPED * p)
raises("relu", i([True], "bool"))
raises("hardtanh", i([True], "bool"))
for name in ("leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softshrink", "hardshrink", "hardsigmoid", "hardswish",
             "logsigmoid"):
    raises(name, i([1, 2]))
raises("hardtanh", f(3), 2, 1)
raises("celu", f(3), 0)
raises("gelu", f(3), approximate="x")
raises("softshrink", f(3), -1)
raises("glu", f(3))
raises("glu", f())
raises("softmax", f(2, 3), 2)
raises("softmax", i([1, 2]), 0)
raises("log_softmax", f(2, 3), -3)
raises("prelu", f(2, 3), f(2))
raises("prelu", f(2, 3), f(3, 1))
raises("prelu", i([1, 2]), f(1))

# affine maps and distances
case("linear", f(5, 3), f(4, 3), f(4))
case("linear", f(2, 5, 3), f(4, 3), f(4))
case("linear", f(3), f(4, 3))
case("linear", f(3), f(4, 3), f(4))
case("linear", f(3), f(3))
case("linear", f(2, 5, 3), f(3))
case("linear", f(0, 3), f(4, 3), f(4))
case("linear", f(2, 0), f(4, 0), f(4))
case("linear", i([[1, 2]]), i([[3, 4]]))
case("bilinear", f(5, 3), f(5, 4), f(2, 3, 4), f(2))
case("bilinear", f(2, 5, 3), f(2, 5, 4), f(2, 3, 4))
raises("linear", f(2, 3), f(4, 2))
raises("linear", f(2, 5, 3), f(4, 2))
raises("linear", f(3), f(2, 3), f(3))
raises("bilinear", f(2, 3), f(2, 4), f(5, 3, 3), f(5))
for p in (0.5, 1, 2, 3, inf):
    case("pairwise_distance", f(3, 4), f(3, 4), p)
    case("normalize", f(3, 4), p)
    case("pdist", f(4, 3), p)
case("pairwise_distance", f(3, 4), f(4), keepdim=True)
case("pairwise_distance", v(1, 1), v(1, 1), eps=0.0)
case("pairwise_distance", f(4), f(4))
case("cosine_similarity", f(3, 4), f(3, 4))
case("cosine_similarity", f(3, 4), f(4), -1)
case("cosine_similarity", v([0, 0]), v([1, 2]))
case("normalize", v([0, 0], [3, 4]))
case("normalize", f(2, 3, 4), dim=2)
case("pdist", v([1, 1], [1, 1], [2, 3]))
case("pdist", f(1, 3))
raises("cosine_similarity", f(3), f(4), dim=0)
raises("pairwise_distance", f(3), f(4))
raises("normalize", i([[1, 2]]))
raises("pdist", f(3))

# losses: every reduction, edges, legacy arguments
for reduction in ("mean", "sum", "none"):
    r = kw(reduction=reduction)
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        case(name, f(3, 4), f(3, 4), **r)
        case(name, v(1, -1, 0, 2), v(0, 0, 0, 0), **r)
    case("smooth_l1_loss", f(3, 4), f(3, 4), beta=0.3, **r)
    case("smooth_l1_loss", f(3, 4), f(3, 4), beta=0.0, **r)
    case("huber_loss", f(3, 4), f(3, 4), delta=0.3, **r)
    case("soft_margin_loss", f(3, 4), i([[1, -1, 1, -1]] * 3), **r)
    case("hinge_embedding_loss", f(3, 4), i([[1, -1, 1, -1]] * 3), **r)
    case("hinge_embedding_loss", v(1, -1, 0, 2), i([-1, -1, 1, 0]), margin=2.0, **r)
    case("margin_ranking_loss", f(5), f(5), v(1, -1, 1, -1, 1), margin=0.1, **r)
    case("margin_ranking_loss", v(1, 1), v(1, 1), v(1, -1), **r)
    case("cosine_embedding_loss", f(3, 4), f(3, 4), i([1, -1, -1]), margin=-0.2, **r)
    case("cosine_embedding_loss", f(4), f(4), i(1), **r)
    case("triplet_margin_loss", f(3, 4), f(3, 4), f(3, 4), **r)
    case("triplet_margin_loss", f(3, 4), f(3, 4), f(3, 4), p=1, swap=True, **r)
    for p in (1, 2):
        case("multi_margin_loss", f(3, 4), i([0, 3, 1]), p, **r)
        case("multi_margin_loss", f(3, 4), i([0, 3, 1]), p, 0.5, u(4), fixed=(4,), **r)
    case("multi_margin_loss", f(4), i(2), **r)
    case("multi_margin_loss", f(4), i([2]), **r)
    case("multi_margin_loss", v([0, 1, 1]), i([0]), margin=-1.0, **r)
    case("multilabel_margin_loss", f(2, 4), i([[3, 0, -1, 1], [-1, 0, 0, 0]]), **r)
    case("multilabel_margin_loss", f(4), i([3, 0, 1, 2]), **r)
    case("multilabel_soft_margin_loss", f(3, 4), u(3, 4), **r)
    case("multilabel_soft_margin_loss", f(3, 4), u(3, 4), u(4), **r)
    case("poisson_nll_loss", f(3, 4), u(3, 4, high=5.0), **r)
    case("poisson_nll_loss", f(3, 4), v(*[[0, 1, 2, 9]] * 3), full=True, fixed=(1,), **r)
    case("poisson_nll_loss", u(3, 4), v(*[[0, 1, 2, 9]] * 3), fixed=(1,), log_input=False, full=True, eps=1e-3, **r)
    case("gaussian_nll_loss", f(3, 4), f(3, 4), u(3, 4), **r)
    case("gaussian_nll_loss", f(3, 4), f(3, 4), u(3, 1), full=True, **r)
    case("gaussian_nll_loss", f(3, 4), f(3, 4), u(3), **r)
    case("gaussian_nll_loss", v(0, 1), v(1, 1), v(0, 1), eps=1e-2, **r)
    case("binary_cross_entropy", u(3, 4), u(3, 4), **r)
    case("binary_cross_entropy", u(3, 4), u(3, 4), u(4), fixed=(2,), **r)
    case("binary_cross_entropy", v(0, 1, 0, 1, 0.3), v(0, 1, 1, 0, 0.2), fixed=(1,), tolerance=1e3, **r)     # PyTorch keeps 1e-12 in float32
    case("binary_cross_entropy_with_logits", f(3, 4), u(3, 4), **r)
    case("binary_cross_entropy_with_logits", f(3, 4, scale=60.0), u(3, 4), u(4), fixed=(2, 3), pos_weight=u(3, 1, high=5.0), **r)
    case("binary_cross_entropy_with_logits", v(0, 0), v(0, 1), **r)
    for input, target, classes in ((f(3, 4), i([0, 3, 1]), 4), (f(4), i(2), 4), (f(2, 4, 5), index(4, 2, 5), 4),
                                   (f(2, 3, 4, 5), index(3, 2, 4, 5), 3),
                                   (f(2, 3, 2, 2, 2), index(3, 2, 2, 2, 2), 3), (f(3, 4), i([1, -100, 2]), 4)):
        for name in ("cross_entropy", "nll_loss"):
            case(name, input, target, **r)
            case(name, input, target, u(classes), fixed=(2,), **r)
        case("cross_entropy", input, target, label_smoothing=0.2, **r)
    case("nll_loss", f(3, 4), i([1, 3, 2]), u(4), ignore_index=1, fixed=(2,), **r)
    case("nll_loss", f(3, 4), i([1, 3, 2], "uint8"), **r)
    case("cross_entropy", f(3, 4), i([1, 3, 2]), u(4), ignore_index=1, label_smoothing=0.2, fixed=(2,), **r)
    case("cross_entropy", f(2, 4, 5), index(4, 2, 5), u(4), ignore_index=2, label_smoothing=0.2, fixed=(2,), **r)
    for shape, classes in (((3, 4), 4), ((4,), 4), ((2, 3, 5), 3)):
        case("cross_entropy", f(*shape), u(*shape), **r)
        case("cross_entropy", f(*shape), u(*shape), u(classes), label_smoothing=0.3, fixed=(2,), **r)
    case("linear_cross_entropy", f(3, 4), f(5, 4), i([0, 1, 4]), linear_bias=f(5), **r)
case("cross_entropy", f(2, 3), i([-100, -100]))
case("cross_entropy", f(0, 3), Sample(lambda rng: np.zeros(0, "int64"), floating=False))
case("mse_loss", f(3, 1), f(3))
case("mse_loss", f(3), f(3), size_average=False)
case("mse_loss", f(3), f(3), reduce=False)
for reduction in ("mean", "sum", "none", "batchmean"):
    case("kl_div", f(3, 4), u(3, 4), reduction=reduction)
    case("kl_div", f(3, 4), v(0, 0.5, 1, 0.2), reduction=reduction, fixed=(1,))
    case("kl_div", f(3, 4), f(3, 4), reduction=reduction, log_target=True)
LENGTHS = i([6, 5, 4]), i([3, 2, 0])
for reduction in ("mean", "sum", "none"):
    logp = Sample(lambda rng: torch.tensor(rng.standard_normal((6, 3, 5))).log_softmax(2).numpy())
    case("ctc_loss", logp, i([[1, 2, 2], [3, 1, 0], [1, 1, 1]]), *LENGTHS, reduction=reduction)
    case("ctc_loss", logp, i([1, 2, 2, 3, 1]), *LENGTHS, reduction=reduction)
    case("ctc_loss", logp, i([[1, 2, 2], [3, 1, 0], [1, 1, 1]]), i([3, 5, 4]), i([3, 2, 2]), blank=4, zero_infinity=True, reduction=reduction)
    case("ctc_loss", Sample(lambda rng: torch.tensor(rng.standard_normal((6, 5))).log_softmax(1).numpy()), i([1, 2]), i(6), i(2), reduction=reduction)
for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss", "hinge_embedding_loss", "poisson_nll_loss", "kl_div"):
    raises(name, f(3), f(4))
    raises(name, f(3), f(3), reduction="other")
for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss", "binary_cross_entropy",
             "binary_cross_entropy_with_logits", "kl_div"):
    raises(name, i([1]), i([1]))
raises("huber_loss", f(3), f(3), delta=0)
raises("smooth_l1_loss", f(3), f(3), beta=-1)
raises("soft_margin_loss", f(3, 1), f(3))
raises("margin_ranking_loss", f(3), f(3), f(3, 1))
raises("cosine_embedding_loss", f(3, 2), f(3, 2), f(3, 2))
raises("cosine_embedding_loss", f(2), f(2), f(1))
raises("triplet_margin_loss", f(3, 2), f(3, 2), f(2))
raises("triplet_margin_loss", f(3, 2), f(3, 2), f(3, 2), margin=-1)
raises("multi_margin_loss", f(3, 2), i([0, 1]))
raises("multi_margin_loss", f(3, 2), i([0, 1, 1]), p=3)
raises("multi_margin_loss", f(3, 2), i([0, 1, 1]), weight=f(3))
raises("multilabel_margin_loss", f(3, 2), i([0, 1]))
raises("multilabel_margin_loss", f(3, 2), f(3, 2))
raises("multilabel_soft_margin_loss", f(3, 2), f(3, 2), reduction="other")
raises("gaussian_nll_loss", f(3), f(3), f(2))
raises("gaussian_nll_loss", f(3), f(3), u(3), reduction="other")
raises("binary_cross_entropy", u(3, 1), u(3))
raises("binary_cross_entropy", u(3), u(3), weight=u(2))
raises("binary_cross_entropy_with_logits", f(3, 1), f(3))
raises("binary_cross_entropy_with_logits", f(3), f(3), pos_weight=f(2))
raises("binary_cross_entropy_with_logits", f(3), f(3), weight=f(2))
for name in ("cross_entropy", "nll_loss"):
    raises(name, f(3, 4), i([0, 1]))
    raises(name, f(3, 4), f(3))
    raises(name, f(3, 4), i([0, 1, 2], "int32"))
    raises(name, f(3, 4), i([0, 1, 2]), weight=f(3))
    raises(name, f(3, 4), i([[0], [1], [2]]))
    raises(name, f(3, 4, 5), index(4, 4, 5))
    raises(name, f(3, 4, 5), index(4, 3, 6))
    raises(name, f(3, 4, 2, 2), index(4, 3, 2))
    raises(name, f(3, 4, 2, 2), index(4, 3, 2, 3))
    raises(name, f(4), i([2, 3]))
    raises(name, f(), i(2))
    raises(name, f(3, 4), i([0, 1, 2]), reduction="other")
    raises(name, i([[1, 2]]), i([0]))
raises("cross_entropy", f(3, 4), f(3, 4), ignore_index=0)
raises("cross_entropy", f(3, 4), f(3, 4), weight=f(3))
raises("cross_entropy", f(3, 4), i([0, 1, 2]), label_smoothing=1.5)
raises("ctc_loss", f(5, 2, 3), i([[1, 2], [1, 2]]), i([5, 5, 5]), i([2, 2]))
raises("ctc_loss", f(5, 2, 3), i([[1, 2], [1, 2]]), i([5, 5]), i([2, 2]), blank=3)

# convolutions: stride, padding, dilation, groups, unbatched; few channels (patches), many (XLA), depthwise, pointwise
for n, name in ((1, "conv1d"), (2, "conv2d"), (3, "conv3d")):
    space = (7, 6, 5)[:n]
    for channels in (2, 20):
        case(name, f(2, channels, *space), f(3, channels, *(3,) * n), f(3))
        case(name, f(2, channels, *space), f(3, channels, *(2,) * n), None, 2, 1)
    case(name, f(2, *space), f(3, 2, *(2,) * n), f(3), dilation=2, padding=1)
    case(name, f(2, 20, *space), f(3, 20, *(3,) * n), f(3), dilation=2, padding=2, stride=2, tolerance=5)     # longer sums
    case(name, f(2, 4, *space), f(6, 2, *(3,) * n), f(6), padding=1, groups=2)
    case(name, f(2, 4, *space), f(8, 1, *(3,) * n), f(8), padding=1, stride=2, groups=4)
    case(name, f(2, 4, *space), f(3, 4, *(1,) * n), f(3), stride=2)
    case(name, f(2, 2, *space), f(3, 2, *(4,) * n), padding="same")
    case(name, f(2, 2, *space), f(3, 2, *(2,) * n), padding="valid", dilation=2)
    transposed = name.replace("conv", "conv_transpose")
    for channels in (2, 20):
        case(transposed, f(2, 3, *space), f(3, channels, *(3,) * n), f(channels))
        case(transposed, f(2, 3, *space), f(3, channels, *(3,) * n), f(channels), 2, 1, 1)
    case(transposed, f(4, *space), f(4, 3, *(2,) * n), f(6), 3, 1, 2, 2, 2)
    case(transposed, f(2, 4, *space), f(4, 1, *(3,) * n), groups=4, stride=2)
    case(transposed, f(2, 3, *space), f(3, 2, *(3,) * n), dilation=2, output_padding=1)
case("conv2d", f(1, 2, 6, 7), f(3, 2, 2, 3), None, (2, 1), (1, 0), (1, 2))
case("conv2d", f(0, 2, 6, 7), f(3, 2, 2, 3))
case("conv_tbc", f(5, 2, 3), f(3, 3, 4), f(4), 1, against=torch.conv_tbc)
raises("conv2d", f(1, 3, 8, 8), f(6, 1, 3, 3))
raises("conv2d", f(3, 8), f(6, 1, 3, 3))
raises("conv1d", f(8), f(6, 1, 3))
raises("conv2d", f(1, 1, 2, 2), f(6, 1, 3, 3))
raises("conv2d", f(1, 1, 2, 2), f(6, 1, 3, 3), padding="other")
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), padding="same", stride=2)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), f(5))
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), stride=0)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), padding=-1)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), dilation=0)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), stride=(1, 1, 1))
raises("conv2d", f(1, 4, 8, 8), f(5, 2, 3, 3), groups=2)
raises("conv2d", f(1, 4, 8, 8), f(6, 2, 3, 3), groups=3)
raises("conv2d", i([[[[1]]]]), f(1, 1, 1, 1))
raises("conv_transpose2d", f(1, 3, 8, 8), f(6, 1, 3, 3))
raises("conv_transpose2d", f(1, 3, 8, 8), f(3, 6, 3, 3), f(5))
raises("conv_transpose2d", f(1, 3, 8, 8), f(3, 6, 3, 3), stride=2, output_padding=2)
raises("conv_transpose2d", f(1, 4, 2, 2), f(4, 3, 1, 1), padding=2)

# pooling: overlapping, padded, ceil, dilated, ties, unbatched, global
for n in (1, 2, 3):
    space = (7, 6, 5)[:n]
    for draw in (f, levels):
        case(f"max_pool{n}d", draw(2, 3, *space), 2)
        case(f"max_pool{n}d", draw(3, *space), 3, 2, 1)
        case(f"max_pool{n}d", draw(2, 3, *space), 3, 2, 1, ceil_mode=True)
        case(f"max_pool{n}d", draw(2, 3, *space), 2, 1, 0, 2)
        case(f"max_pool{n}d_with_indices", draw(2, 3, *space), 3, 2, 1, 1, True, tolerance=1)
    case(f"max_pool{n}d", levels(2, 3, *space), 3, 2, return_indices=True)
    case(f"avg_pool{n}d", f(2, 3, *space), 2)
    case(f"avg_pool{n}d", f(3, *space), 3, 2, 1)
    case(f"avg_pool{n}d", f(2, 3, *space), 3, 2, 1, True)
    case(f"avg_pool{n}d", f(2, 3, *space), 3, 2, 1, True, False)
    case(f"lp_pool{n}d", u(2, 3, *space), 2, 3, 2, ceil_mode=True)
    case(f"lp_pool{n}d", u(2, 3, *space), 1.5, 2)
    for out in (1, 3, (4, 2, 3)[:n], (2, None, 1)[:n]):
        case(f"adaptive_avg_pool{n}d", f(2, 3, *space), out)
        case(f"adaptive_max_pool{n}d", levels(2, 3, *space), out)
        case(f"adaptive_max_pool{n}d_with_indices", levels(2, 3, *space), out)
    case(f"adaptive_avg_pool{n}d", f(3, *(6,) * n), 3)
    case(f"adaptive_max_pool{n}d", levels(3, *(6,) * n), 3)
    pooled = Sample(lambda rng, n=n: getattr(torch.nn.functional, f"max_pool{n}d_with_indices")(
        torch.tensor(rng.standard_normal((2, 3, *(6,) * n))), 2)[1].numpy(), floating=False)
    case(f"max_unpool{n}d", f(2, 3, *(3,) * n), pooled, 2)
    case(f"max_unpool{n}d", f(2, 3, *(3,) * n), pooled, 2, output_size=(7,) * n)
case("max_pool1d", levels(2, 3, 20), 20)
case("max_pool2d", v([[1, nan], [nan, 2]]), 2, return_indices=True, gradient=False)
case("max_pool2d", v([[-inf, -inf], [-inf, -inf]]), 2, 1, 1, return_indices=True)
case("max_pool2d", i([[[1, 2], [3, 4]]]), 2)
case("avg_pool2d", f(1, 1, 4, 4), 2, divisor_override=3)
case("avg_pool2d", i([[[1, 2], [-3, -5]]]), 2)
FRACTIONS = torch.tensor([[[0.3, 0.6], [0.1, 0.9], [0.5, 0.2]]] * 2, dtype=torch.float64)
case("fractional_max_pool_apply", f(2, 3, 9, 8), Sample(lambda rng: FRACTIONS.numpy()), (2, 3), (4, 3), fixed=(1,),
     against=lambda x, samples, kernel, out: torch.nn.functional.fractional_max_pool2d_with_indices(x, kernel, out, _random_samples=samples))
raises("max_pool2d", f(1, 1, 2, 2), 3)
raises("max_pool2d", f(1, 1, 4, 4), 2, padding=2)
raises("max_pool2d", f(4, 4), 2)
raises("max_pool2d", f(1, 1, 4, 4), 2, stride=0)
raises("max_pool2d", f(1, 1, 4, 4), (2, 2, 2))
raises("max_pool1d", f(4), 2)
raises("max_pool1d", f(1, 4), 2, padding=2)
raises("max_pool1d", f(1, 4), 5)
raises("max_pool3d", f(4, 4), 2)
raises("avg_pool2d", f(1, 1, 2, 2), 3)
raises("avg_pool2d", f(1, 1, 4, 4), 2, padding=2)
raises("avg_pool2d", f(1, 1, 4, 4), 2, divisor_override=0)
raises("avg_pool1d", f(5), 2)
raises("avg_pool3d", f(5, 5), 2)
raises("adaptive_avg_pool2d", f(5, 5), (2, 2))
raises("adaptive_avg_pool2d", f(1, 1, 5, 5), (2, 2, 2))
raises("adaptive_avg_pool1d", f(5), 2)
raises("adaptive_avg_pool2d", f(1, 1, 0, 5), 2)
raises("adaptive_max_pool2d", f(5, 5), (2, 2))
raises("max_unpool2d", f(1, 1, 2, 2), i([[[[0, 1], [2, 3]]]]), 2, output_size=(9, 5))
raises("max_unpool2d", f(1, 1, 2, 2), i([[[[0, 1], [2, 3]]]], "int32"), 2)
raises("max_unpool2d", f(1, 1, 2, 2), i([[[[0, 1]]]]), 2)

# normalisation: the statistics too
def batch_norm_train(x: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5) -> tuple:
    """PyTorch's, with the batch's statistics as running ones at momentum 1."""
    mean, var = torch.zeros(x.shape[1], dtype=x.dtype), torch.ones(x.shape[1], dtype=x.dtype)
    return torch.nn.functional.batch_norm(x, mean, var, weight, bias, True, 1.0, eps), mean, var


def instance_norm_train(x: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5) -> tuple:
    """The same for instances."""
    mean, var = torch.zeros(x.shape[1], dtype=x.dtype), torch.ones(x.shape[1], dtype=x.dtype)
    return torch.nn.functional.instance_norm(x, mean, var, weight, bias, True, 1.0, eps), mean, var


for shape in ((4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2)):
    case("batch_norm_train", f(*shape), f(3), f(3), against=batch_norm_train)
    case("batch_norm_train", f(*shape), eps=0.1, against=batch_norm_train)
    case("batch_norm_eval", f(*shape), f(3), u(3), f(3), f(3), 0.01, fixed=(1, 2),
         against=lambda x, mean, var, weight, bias, eps: torch.nn.functional.batch_norm(x, mean, var, weight, bias, False, 0.1, eps))
    if len(shape) > 2:
        case("instance_norm_train", f(*shape), f(3), f(3), against=instance_norm_train)
case("layer_norm", f(2, 3, 4), (4,), f(4), f(4))
case("layer_norm", f(2, 3, 4), (3, 4), f(3, 4), f(3, 4), 0.01)
case("layer_norm", f(2, 3, 4), (4,), f(4))
case("layer_norm", f(4), (4,))
case("rms_norm", f(2, 3, 4), (4,), f(4))
case("rms_norm", f(2, 3, 4), (3, 4), None, 0.01)
case("rms_norm", v([0, 0, 0]), (3,))
case("group_norm", f(2, 6, 4), 3, f(6), f(6))
case("group_norm", f(2, 6, 2, 3), 2, eps=0.01)
case("group_norm", f(2, 6), 2)
for size in (1, 2, 3, 5):
    case("local_response_norm", f(2, 6, 3), size, 0.5, 0.6, 2.0)
case("local_response_norm", f(2, 6, 3, 4), 3)
raises("layer_norm", f(2, 3), (4,))
raises("layer_norm", f(2, 3), ())
raises("layer_norm", f(2, 3), (3,), f(4))
raises("layer_norm", f(2, 3), (3,), f(3), f(4))
raises("layer_norm", i([[1, 2]]), (2,))
raises("rms_norm", f(2, 3), (4,))
raises("rms_norm", f(2, 3), (3,), f(2))
raises("group_norm", f(2, 3), 2)
raises("group_norm", f(2, 4), 2, f(3))
raises("group_norm", f(4), 2)
raises("group_norm", f(1, 4), 4)
raises("local_response_norm", f(2, 3), 2)

# look-up tables
case("embedding", i([[1, 0, 1], [3, 2, 1]]), f(4, 3))
case("embedding", i(2), f(4, 3))
case("embedding", i([1, 0, 1, 3]), f(4, 3), 1)
case("embedding", i([1, 0, 1, 3], "int32"), f(4, 3), -1)
case("embedding", i([1, 0, 1, 3]), f(4, 3), scale_grad_by_freq=True)
case("embedding", i([1, 0]), f(4, 3), max_norm=1.0, gradient=False)
case("embedding", i([1, 0]), f(4, 3), max_norm=1.0, norm_type=1.0, gradient=False)
case("embedding_renorm", f(4, 3), i([1, 0, 1]), 1.0, 2.0, gradient=False,
     against=lambda weight, index, *rest: torch.embedding_renorm_(weight.clone(), index, *rest))
for mode in ("sum", "mean", "max"):
    case("embedding_bag", i([[1, 0, 1], [3, 2, 1]]), f(4, 3), mode=mode)
    case("embedding_bag", i([1, 0, 1, 3, 2, 1]), f(4, 3), i([0, 2, 2, 5]), mode=mode)
    case("embedding_bag", i([1, 0, 1, 3, 2, 1]), f(4, 3), i([0, 2, 2, 6]), mode=mode, include_last_offset=True)
    case("embedding_bag", i([1, 0, 1, 3, 1, 1]), f(4, 3), i([0, 2, 4]), mode=mode, padding_idx=1)
case("embedding_bag", i([1, 0, 1, 3, 1, 1]), f(4, 3), i([0, 2, 4]), mode="sum", per_sample_weights=f(6))
case("embedding_bag", i([1, 0, 1, 1, 1, 1]), f(4, 3), i([0, 2, 4]), mode="mean", scale_grad_by_freq=True)
raises("embedding", f(2), f(3, 2))
raises("embedding", i([1]), f(3, 2), padding_idx=3)
raises("embedding", i([1]), f(3))
raises("embedding", i([1], "int16"), f(3, 2))
raises("embedding_bag", i([1, 2]), f(3, 2))
raises("embedding_bag", i([[1, 2]]), f(3, 2), i([0]))
raises("embedding_bag", i([1, 2]), f(3, 2), i([[0, 3]]))
raises("embedding_bag", i([1, 2]), f(3, 2), i([0]), mode="other")
raises("embedding_bag", i([1, 2]), f(3, 2), i([0]), per_sample_weights=f(2))
raises("embedding_bag", i([1, 2]), f(3, 2), i([0]), mode="sum", per_sample_weights=f(3))
raises("embedding_bag", f(2, 2), f(3, 2))
raises("embedding_bag", index(2, 2, 2, 2), f(3, 2))


# recurrent networks: modes, layers, directions, projections, dropout masks, lengths
def network(mode: str) -> Callable:
    """PyTorch's network in the operands' order of `lstm_apply` and `rnn_apply`."""
    def run(x: torch.Tensor, *rest: object, **options: object) -> tuple:
        rest = list(rest)
        states = [rest.pop(0) for _ in range(2 if mode == "lstm" else 1)]
        weights = rest.pop(0)
        settings = dict(has_biases=True, num_layers=1, bidirectional=False, batch_first=False) | options
        settings.pop("projected", None), settings.pop("mode", None)
        lengths = settings.pop("lengths", None)
        hx = states if mode == "lstm" else states[0]
        order = [settings["has_biases"], settings["num_layers"], 0.0, False, settings["bidirectional"]]
        if lengths is None:
            return getattr(torch, mode)(x, hx, weights, *order, settings["batch_first"])
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
        data, *last = getattr(torch, mode)(packed.data, packed.batch_sizes, hx, weights, *order)
        return torch.nn.utils.rnn.pad_packed_sequence(torch.nn.utils.rnn.PackedSequence(data, packed.batch_sizes))[0], *last
    return run


def parameters(gates: int, features: int, hidden: int, layers: int = 1, directions: int = 1, biases: bool = True,
               projection: int = 0) -> list[Sample]:
    """Weights as PyTorch orders them."""
    made, state = [], projection or hidden
    for layer in range(layers):
        for _ in range(directions):
            made += [f(gates * hidden, features if layer == 0 else state * directions, scale=0.5), f(gates * hidden, state, scale=0.5)]
            made += [f(gates * hidden), f(gates * hidden)] if biases else []
            made += [f(projection, hidden)] if projection else []
    return made


for mode, gates in (("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("rnn_relu", 1)):
    name, option, states = ("lstm_apply", {}, 2) if mode == "lstm" else ("rnn_apply", kw(mode=mode), 1)
    case(name, f(5, 2, 3), *[f(1, 2, 4)] * states, parameters(gates, 3, 4), against=network(mode), **option)
    case(name, f(2, 5, 3), *[f(4, 2, 4)] * states, parameters(gates, 3, 4, 2, 2, False), against=network(mode), has_biases=False, num_layers=2,
         bidirectional=True, batch_first=True, **option)
    case(name, f(5, 3, 3), *[f(2, 3, 4)] * states, parameters(gates, 3, 4, 1, 2), lengths=i([5, 3, 1]), bidirectional=True,
         against=network(mode), **option)
    cell, hx = f"{mode}_cell", [f(2, 4)] * 2 if mode == "lstm" else f(2, 4)
    case(cell, f(2, 3), hx, *parameters(gates, 3, 4), against=getattr(torch, cell))
    case(cell, f(2, 3), hx, *parameters(gates, 3, 4, biases=False), against=getattr(torch, cell))
case("lstm_apply", f(5, 2, 3), f(4, 2, 2), f(4, 2, 4), parameters(4, 3, 4, 2, 2, True, 2), num_layers=2, bidirectional=True, projected=True,
     against=network("lstm"))


# attention
def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *rest: object, **options: object) -> torch.Tensor:
    """PyTorch's without dropout."""
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, *rest, **options)


TRIPLE = f(2, 3, 5, 4), f(2, 3, 6, 4), f(2, 3, 6, 2)
MASK = i(np.arange(30).reshape(5, 6) % 3 > 0, "bool")
case("scaled_dot_product_attention_apply", *TRIPLE, against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, is_causal=True, against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, MASK, scale=0.3, against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, f(2, 1, 5, 6), against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, i([[0] * 6, [1] * 6, [0] * 6, [1] * 6, [1] * 6], "bool"), against=attention)
case("scaled_dot_product_attention_apply", f(5, 4), f(6, 4), f(6, 4), against=attention)
case("scaled_dot_product_attention_apply", f(2, 4, 5, 3), f(2, 2, 6, 3), f(2, 2, 6, 3), enable_gqa=True, against=attention)
raises("scaled_dot_product_attention_apply", f(3), f(3), f(3))
raises("scaled_dot_product_attention_apply", f(1, 2, 3), f(1, 2, 4), f(1, 2, 3))
raises("scaled_dot_product_attention_apply", f(1, 2, 3), f(1, 2, 3), f(1, 2, 3), f(2, 2), is_causal=True)
raises("scaled_dot_product_attention_apply", f(1, 2, 3), i([[[1, 2, 3]]]), f(1, 2, 3))
raises("scaled_dot_product_attention_apply", f(1, 2, 3), f(1, 2, 3), f(1, 2, 3), i([[1, 0], [0, 1]]))
raises("scaled_dot_product_attention_apply", f(1, 4, 2, 3), f(1, 2, 2, 3), f(1, 2, 2, 3))
raises("scaled_dot_product_attention_apply", f(1, 4, 2, 3), f(1, 3, 2, 3), f(1, 3, 2, 3), enable_gqa=True)

# padding and rearranging
case("pad", f(2, 3), (1, 2))
case("pad", f(2, 3), (1, -2, 0, 1), "constant", 1.5)
case("pad", f(2, 3), (-3, 0))
case("pad", i([[1, 2]]), (1, 1), "constant", 2.5)
case("pad", i([[1, 0]], "bool"), (1, 1), "constant", True)
for mode in ("reflect", "replicate", "circular"):
    case("pad", f(2, 3), (2, 1), mode)
    case("pad", f(2, 3, 4), (0, 2), mode)
    case("pad", f(1, 2, 3, 4), (2, 1, 1, 2), mode)
    case("pad", f(1, 2, 3, 4, 3), (2, 1, 1, 2, 0, 1), mode)
    case("pad", f(1, 2, 5), (-1, 2), mode)
    case("pad", f(1, 2, 5), (2, -1), mode)
    raises("pad", f(2, 3), (1, 1, 1, 1), mode)
    raises("pad", f(2, 3), (1, 1), mode, 2.0)
    raises("pad", f(1, 1, 0), (1, 1), mode)
case("pad", f(1, 2, 5), (-5, 6), "replicate")
raises("pad", f(2, 3), (1,))
raises("pad", f(2, 3), (1, 1, 1, 1, 1, 1))
raises("pad", f(2, 3), (3, 1), "reflect")
raises("pad", f(1, 1, 2, 3), (1, 1, 1, 2), "reflect")
raises("pad", f(2, 3), (4, 1), "circular")
raises("pad", f(2, 3), (-4, 0))
raises("pad", f(2, 3), (1, 1), "other")
raises("pad", i([[1, 0]], "bool"), (1, 1), "replicate")
case("unfold", f(2, 3, 4, 5), (2, 3), 1, (1, 0), (2, 1))
case("unfold", f(3, 5, 5), 2, 2)
case("fold", f(2, 12, 9), (4, 4), 2)
case("fold", f(12, 25), (4, 7), (2, 3), 1, (1, 0), 1)
case("pixel_shuffle", f(2, 8, 3, 4), 2)
case("pixel_shuffle", f(9, 1, 2), 3)
case("pixel_unshuffle", f(2, 2, 6, 4), 2)
case("channel_shuffle", f(2, 6, 3), 3)
raises("unfold", f(1, 1, 4, 4), 5)
raises("unfold", f(4, 4), 2)
raises("unfold", f(1, 1, 4, 4), 0)
raises("unfold", i([[[1, 2]]]), 1)
raises("fold", f(1, 4, 5), 4, 2)
raises("fold", f(1, 5, 9), 4, 2)
raises("fold", f(4), 4, 2)
raises("pixel_shuffle", f(1, 3, 2, 2), 2)
raises("pixel_shuffle", f(2, 2), 2)
raises("pixel_shuffle", f(4, 2, 2), 0)
raises("pixel_unshuffle", f(1, 3, 3, 2), 2)
raises("pixel_unshuffle", f(1, 3, 2, 3), 2)
raises("channel_shuffle", f(1, 3, 2, 2), 2)
raises("channel_shuffle", f(3, 2), 2)
raises("channel_shuffle", f(1, 3, 2, 2), 0)

# resampling
for n, mode in ((1, "linear"), (2, "bilinear"), (2, "bicubic"), (3, "trilinear")):
    space = (5, 4, 3)[:n]
    for align in (None, True):
        case("interpolate", f(2, 2, *space), (7, 3, 6)[:n], None, mode, align)
        case("interpolate", f(2, 2, *space), None, 1.6, mode, align)
    case("interpolate", f(2, 2, *space), None, 2, mode)
    case("interpolate", f(2, 2, *space), None, 1.5, mode, recompute_scale_factor=True)
    case("interpolate", f(2, 2, *space), 1, None, mode, True)
for n in (1, 2, 3):
    space = (5, 4, 3)[:n]
    for mode in ("nearest", "nearest-exact"):
        case("interpolate", f(2, 2, *space), None, 2, mode)
        case("interpolate", f(2, 2, *space), None, 1.7, mode)
        case("interpolate", f(2, 2, *space), 3, None, mode)
    case("interpolate", f(2, 2, *space), 3, None, "area")
for mode in ("bilinear", "bicubic", "lanczos"):
    case("interpolate", f(1, 2, 9, 8), (4, 3), None, mode, antialias=True)
    case("interpolate", f(1, 2, 5, 4), (8, 9), None, mode, antialias=True)
    if mode != "lanczos":
        case("interpolate", f(1, 2, 9, 8), (4, 3), None, mode, True, antialias=True)
case("interpolate", i(np.arange(16).reshape(1, 1, 4, 4), "uint8"), 3)
case("interpolate", i(np.arange(16).reshape(1, 1, 4, 4), "uint8"), 3, None, "bilinear", types=("float32",), tolerance=6e4)     # PyTorch rounds in fixed point: ± 1
raises("interpolate", f(1, 1, 4, 4))
raises("interpolate", f(1, 1, 4, 4), 2, 2)
raises("interpolate", f(1, 1, 4, 4), 2, mode="linear")
raises("interpolate", f(1, 1, 4), 2, mode="bilinear")
raises("interpolate", f(1, 4), 2)
raises("interpolate", f(1, 1, 4, 4), 2, mode="nearest", align_corners=True)
raises("interpolate", f(1, 1, 4, 4), (2, 2, 2))
raises("interpolate", f(1, 1, 4, 4), None, (2.0, 2.0, 2.0))
raises("interpolate", f(1, 1, 4, 4), 2, mode="other")
raises("interpolate", f(1, 1, 4, 4), 2, antialias=True)
raises("interpolate", f(1, 1, 4, 4), 0)
raises("interpolate", f(1, 1, 4, 4), None, 0.1)
raises("interpolate", f(1, 1, 4, 4), 2, recompute_scale_factor=True)
raises("interpolate", f(1, 0, 4, 4), 2)
raises("interpolate", i([[[[1, 2]]]]), 2)
raises("interpolate", i([[[[1, 2]]]]), 2, mode="bilinear")
raises("interpolate", f(1, 1, 4, 4), 2, mode="lanczos")
raises("interpolate", f(1, 1, 4, 4), 2, mode="lanczos", align_corners=True, antialias=True)
GRID2, GRID3 = u(2, 3, 4, 2, low=-1.4, high=1.4), u(2, 2, 3, 2, 3, low=-1.4, high=1.4)
for mode in ("bilinear", "nearest", "bicubic"):
    for padding in ("zeros", "border", "reflection"):
        for align in (False, True):
            case("grid_sample", f(2, 2, 5, 4), GRID2, mode, padding, align)
            if mode != "bicubic":
                case("grid_sample", f(2, 2, 3, 5, 4), GRID3, mode, padding, align)
for align in (False, True):
    case("affine_grid", f(2, 2, 3), (2, 1, 4, 5), align)
    case("affine_grid", f(2, 3, 4), (2, 1, 2, 1, 3), align)
raises("grid_sample", f(1, 1, 4, 4), f(1, 2, 2, 3))
raises("grid_sample", f(1, 1, 4, 4), f(2, 2, 2, 2))
raises("grid_sample", f(1, 1, 4, 4), f(1, 2, 2, 2), "other")
raises("grid_sample", f(1, 1, 4, 4), f(1, 2, 2, 2), "bilinear", "other")
raises("grid_sample", f(1, 1, 4, 4, 4), f(1, 2, 2, 2, 3), "bicubic", align_corners=True)
raises("affine_grid", f(1, 2, 2), (1, 1, 2, 2))
raises("affine_grid", f(1, 2, 3), (1, 1, 2))
raises("affine_grid", i([[[1, 2, 3]] * 2]), (1, 1, 2, 2))
raises("affine_grid", f(1, 2, 3), (1, 1, 0, 2))
