"""Names of gradient nodes that depend on how an operator was called.  Each function here takes the recorded entry to the name."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._core.op import OPERANDS

Name = Callable[[Any], str]


def by_number(name: str, position: int = 1) -> Name:
    """`0` where the operand at `position` is a tensor, `1` where it is a number."""
    return lambda entry: f"{name}Backward{int(position in entry.numbers)}"


def by_tensor(name: str, positions: Sequence[int] = (1,)) -> Name:
    """`0` where an operand at `positions` is a number, `1` where it is a tensor."""
    return lambda entry: f"{name}Backward{int(not entry.numbers.intersection(positions))}"


def by_operands(name: str, both: int, first: int, second: int) -> Name:
    """One number where both operands are tensors, others where the first or the second is a Python number."""
    return lambda entry: f"{name}Backward{first if 0 in entry.numbers else second if 1 in entry.numbers else both}"


def with_dim(name: str) -> Name:
    """`1` where there is a `dim`, the first attribute."""
    return lambda entry: f"{name}Backward{int(entry.attrs[0] is not None)}"


def product(entry: Any) -> str:
    """`matmul` by the dimensions of its operands."""
    a, b = [len(entry.inputs[k].shape) for k in (0, 1)]
    if max(a, b) > 2:
        return "CloneBackward0" if a == 2 and b == 3 and entry.inputs[0].requires_grad else "UnsafeViewBackward0"
    return {(1, 1): "DotBackward0", (2, 1): "MvBackward0", (1, 2): "SqueezeBackward4"}.get((a, b), "MmBackward0")


def power(entry: Any) -> str:
    """`matrix_power` by the exponent and the dimensions."""
    n = entry.attrs[-1]
    if n in (0, 1):
        return "CloneBackward0" if n else "CopyBackwards"
    return "MmBackward0" if len(entry.inputs[0].shape) == 2 else "UnsafeViewBackward0"


def inner(entry: Any) -> str:
    """`inner` by the dimensions of its operands."""
    return "ViewBackward0" if all(a.shape for a in entry.inputs) else "MulBackward0"


def norm(entry: Any) -> str:
    """A norm by its order, the first attribute, and its dimensions."""
    order, dim = entry.attrs[:2]
    of_matrix = entry.op.name != "vector_norm" and "linalg" in entry.op.facts["home"]
    matrix = of_matrix and not isinstance(dim, int) and len(dim or entry.inputs[0].shape) == 2
    if order == "nuc":
        return "SumBackward1"
    if not matrix or order in ("fro", None):
        return "LinalgVectorNormBackward0"
    if entry.attrs[2] and abs(order) == 2:
        return "PermuteBackward0"
    return "AmaxBackward0" if order > 0 else "AminBackward0"


def attribute(entry: Any, name: str) -> Any:
    """The attribute `name` of a recorded entry."""
    names = [n for n, kind, _ in entry.op.plan if kind not in OPERANDS]
    return entry.attrs[entry.op.sequences + names.index(name)]


def reduced(unreduced: str) -> Name:
    """A loss that PyTorch puts together from parts: the name is its reduction's, or without one that of the last part."""
    return lambda entry: {"mean": "MeanBackward0", "sum": "SumBackward0"}.get(attribute(entry, "reduction"), unreduced)


def linear(entry: Any) -> str:
    """`linear` by the dimensions of its input and whether there is a bias."""
    dims, bias = len(entry.inputs[0].shape), len(entry.operands) > 2 and entry.operands[2] is not None
    if dims == 1:
        return "ViewBackward0" if bias else "SqueezeBackward4"
    if dims == 2:
        return "AddmmBackward0" if bias else "MmBackward0"
    return "ViewBackward0" if bias else "UnsafeViewBackward0"


def convolution(entry: Any) -> str:
    """A convolution, by whether its input has a batch dimension."""
    return "ConvolutionBackward0" if len(entry.inputs[0].shape) == len(entry.inputs[1].shape) else "SqueezeBackward1"


def cross_entropy(entry: Any) -> str:
    """`cross_entropy` by its target, its smoothing and its dimensions."""
    scores, target = entry.inputs[:2]
    if scores.shape == target.shape and target.dtype.is_floating_point:
        return "DivBackward1"
    if attribute(entry, "label_smoothing"):
        return "AddBackward0"
    return "NllLoss2DBackward0" if len(scores.shape) > 2 else "NllLossBackward0"


def padding(entry: Any) -> str:
    """`pad` by its mode and how many dimensions it changes."""
    mode, width = attribute(entry, "mode"), len(attribute(entry, "pad")) // 2
    kinds = {"constant": "ConstantPadNd", "reflect": f"ReflectionPad{width}D", "replicate": f"ReplicationPad{width}D"}
    return f"{kinds[mode]}Backward0" if mode in kinds else "CopySlices"


def resampling(entry: Any) -> str:
    """`interpolate` by its mode and the dimensions of its input."""
    mode, width = attribute(entry, "mode"), len(entry.inputs[0].shape) - 2
    if mode == "area":
        return f"AdaptiveAvgPool{width}DBackward0"
    return f"Upsample{''.join(part.capitalize() for part in mode.split('-'))}{width}DBackward0"
