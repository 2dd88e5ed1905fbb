"""Products of matrices in 8-bit floating point with scales beside them (`torch.nn.functional.scaled_mm`)."""
from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from .._core import dtype as dt
from .._core.dtype import dtype
from .._core.public import PUBLIC, public
from .._core.tensor import Tensor

EIGHT_BITS = frozenset(dt.named(n) for n in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"))


class ScalingType(Enum):
    """What one scale is for: the whole matrix, a row (of the second matrix a column), or a block."""
    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5


class SwizzleType(Enum):
    """How the scales of blocks lie in memory."""
    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1


PUBLIC["nn.functional"].update(ScalingType=ScalingType, SwizzleType=SwizzleType)


def _only(given: Any) -> Any:
    return given[0] if isinstance(given, list) and len(given) == 1 else given


def _refused(mat_a: Tensor, mat_b: Tensor, scale_a: Tensor, scale_b: Tensor) -> ValueError:
    rows, columns = mat_a.shape[0], mat_b.shape[1]
    told = [f"{name}.dtype()={x.dtype.title}{f', {name}.size()={list(x.shape)}' * scale}" for name, x, scale in
            (("mat_a", mat_a, False), ("scale_a", scale_a, True), ("mat_b", mat_b, False), ("scale_b", scale_b, True))]
    return ValueError("Invalid scaling configuration.\n- For TensorWise scaling, a and b should be float8, scales should be float and singletons.\n"
                      f"- For RowWise scaling, a and b should be float8, scales should be float, scale_a should be ({rows}, 1) and scale_b should be "
                      f"(1, {columns}), and both should be contiguous.\nGot {', '.join(told)}")


@public("nn.functional")
def scaled_mm(mat_a: Tensor, mat_b: Tensor, scale_a: Any, scale_recipe_a: Any, scale_b: Any, scale_recipe_b: Any, swizzle_a: Any = None, swizzle_b: Any = None,
              bias: Tensor | None = None, output_dtype: dtype | None = dt.bfloat16, contraction_dim: Sequence[int] = (), use_fast_accum: bool = False) -> Tensor:
    """The product of two matrices of 8-bit floats, times their scales, summed in float32.    mat_a: (m, k), mat_b: (k, n)  ->  (m, n)

    scale_a, scale_recipe_a  float32 factors and what each is for: one, or one a row, (m, 1); scale_b and scale_recipe_b: one, or one a column, (1, n)
    bias                     added to each row
    output_dtype             None: that of mat_a
    Swizzles, contraction_dim and use_fast_accum are about how accelerators compute, and change no result here.

    Raises ValueError for other types, shapes and recipes: blocks have kernels on some GPUs only.
    """
    scale_a, scale_b, recipes = _only(scale_a), _only(scale_b), [_only(scale_recipe_a), _only(scale_recipe_b)]
    if not all(isinstance(recipe, ScalingType) for recipe in recipes):
        raise AttributeError(f"scaled_mm: the recipes are members of ScalingType, not {[type(r).__name__ for r in recipes]}")
    for name, x in (("mat_a", mat_a), ("mat_b", mat_b)):
        if x.dim() != 2:
            raise ValueError(f"{name} must be a matrix")
    (m, k), (k2, n) = mat_a.shape, mat_b.shape
    if k != k2:
        raise ValueError(f"mat_a and mat_b shapes cannot be multiplied ({m}x{k} and {k2}x{n})")
    same = recipes[0] is recipes[1] and recipes[0] in (ScalingType.TensorWise, ScalingType.RowWise)
    if not same or {mat_a.dtype, mat_b.dtype} - EIGHT_BITS or {scale_a.dtype, scale_b.dtype} != {dt.float32}:
        raise _refused(mat_a, mat_b, scale_a, scale_b)
    by_row = recipes[0] is ScalingType.RowWise
    for name, scale, wanted in (("scale_a", scale_a, (m, 1)), ("scale_b", scale_b, (1, n))):
        if by_row and tuple(scale.shape) != wanted:
            raise ValueError(f"{name} must have shape {list(wanted)}, got [{list(scale.shape)}]")
        if not by_row and scale.numel() != 1:
            raise _refused(mat_a, mat_b, scale_a, scale_b)
    found = mat_a.float() @ mat_b.float() * (scale_a if by_row else scale_a.reshape(())) * (scale_b if by_row else scale_b.reshape(()))
    return (found if bias is None else found + bias.float()).to(mat_a.dtype if output_dtype is None else output_dtype)


@public("nn.functional")
def scaled_grouped_mm(mat_a: Tensor, mat_b: Tensor, scale_a: Any, scale_recipe_a: Any, scale_b: Any, scale_recipe_b: Any, swizzle_a: Any = None,
                      swizzle_b: Any = None, bias: Tensor | None = None, offs: Tensor | None = None, output_dtype: dtype | None = dt.bfloat16,
                      contraction_dim: Sequence[int] = (), use_fast_accum: bool = False) -> Tensor:
    """Raise: the groups' products have a kernel on some GPUs only, in PyTorch too."""
    raise NotImplementedError(f"Could not run 'aten::_scaled_grouped_mm_v2' with arguments from the '{mat_a.device.type.upper()}' backend: call scaled_mm for "
                              "each group, or grouped_mm on matrices that the scales were multiplied to")
