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
case("hardsigmoid", f(3, 4, scale=3.0), tolerance=1e3)               # PyTorch keeps 1/6 in float32
case("hardsigmoid", v(-inf, -4, -3, 0, 3, 4, inf), tolerance=1e3)    # the same
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
for name in ("softmax", "log_softmax"):
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
     against=lambda x, n, p: x * (n.to(x.dtype) * DROPPED) + (n.to(x.dtype) - 1) * (SATURATION * DROPPED) + SATURATION * DROPPED * p)
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
