"""Pooling at random places."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from .._core import random
from .._core.public import public
from .._core.record import record
from .._core.tensor import Tensor, from_array, wrap
from .._ops.adaptive import fractional_max_pool_apply
from .draw import default

FUNCTIONAL = "nn.functional"
Numbers = int | Sequence[int]
Ratio = float | Sequence[float] | None
NAMES = ("time", "height", "width")


def _spread(value: Numbers, n: int, name: str) -> tuple[int, ...]:
    given = (value,) * n if isinstance(value, int) else tuple(value)
    if len(given) != n:
        raise RuntimeError(f"fractional_max_pool{n}d: {name} must either be a single Int or tuple of Ints")
    return given


def _check(input: Tensor, kernel: tuple[int, ...], out: tuple[int, ...], samples: Tensor | None, n: int) -> None:
    space, kernel_name = input.shape[-n:], f"fractional_max_pool{n}d{'_out' if n == 3 else ''}()"
    for d in range(input.dim() - n - 1, input.dim()):
        if input.shape[d] == 0:
            raise RuntimeError(f"{kernel_name}: Expected input to have non-zero size for non-batch dimensions, but got{list(input.shape)} "
                               f"with dimension {d} being empty.")
    for name, size, k, o in zip(NAMES[-n:], space, kernel, out, strict=True):
        if o + k - 1 > size:
            raise RuntimeError(f"{kernel_name}: pool {name} {k} too large relative to input {name} {size}")
    if samples is not None and samples.dtype != input.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if samples is not None:
        if samples.shape[0] < _batch(input, n):
            raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
        if samples.shape[1] != input.shape[-n - 1]:
            raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
        if samples.shape[2] != n:
            raise RuntimeError(f"Expect _random_samples.size(2) equals to {n}; got {samples.shape[2]}.")


def _batch(input: Tensor, n: int) -> int:
    return 1 if input.dim() == n + 1 else input.shape[0]


def _pooled(input: Tensor, kernel_size: Numbers, output_size: Numbers | None, output_ratio: Ratio, samples: Tensor | None,
            n: int) -> tuple[Tensor, Tensor]:
    """The maxima and where they are."""
    if output_size is None and output_ratio is None:
        raise ValueError(f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio")
    if input.dim() not in (n + 1, n + 2):
        raise IndexError(f"Dimension out of range (expected to be in range of [{-input.dim()}, {input.dim() - 1}], but got {-n - 1})")
    if output_size is None:
        if len(output_ratio) != n:
            raise ValueError(f"fractional_max_pool{n}d requires output_ratio to either be a single Int or tuple of Ints.")
        output_size = [int(size * ratio) for size, ratio in zip(input.shape[-n:], output_ratio, strict=True)]
    kernel = _spread(kernel_size, n, "kernel_size")
    if samples is None:
        samples = from_array(random.uniform(default, (_batch(input, n), input.shape[-n - 1], n), input.dtype), input.device)
    out = _spread(output_size, n, "output_size")
    _check(input, kernel, out, samples, n)
    values, indices = record(fractional_max_pool_apply.op, (input, samples[:_batch(input, n)]), (kernel, out))
    return wrap(values), wrap(indices)


def _declare(n: int, shapes: str) -> None:
    def indexed(input: Tensor, kernel_size: Numbers, output_size: Numbers | None = None, output_ratio: Ratio = None, return_indices: bool = False,
                _random_samples: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _pooled(input, kernel_size, output_size, output_ratio, _random_samples, n)

    def pooled(input: Tensor, kernel_size: Numbers, output_size: Numbers | None = None, output_ratio: Ratio = None, return_indices: bool = False,
               _random_samples: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        found = _pooled(input, kernel_size, output_size, output_ratio, _random_samples, n)
        return found if return_indices else found[0]
    doc = f"Maxima over windows at random places (Graham 2014, arXiv:1412.6071){{}}.    input: {shapes}"
    _named(indexed, f"fractional_max_pool{n}d_with_indices", doc.format(", and where they are"))
    _named(pooled, f"fractional_max_pool{n}d", doc.format(""))


def _named(function: Callable, name: str, doc: str) -> None:
    function.__name__, function.__doc__ = name, doc
    public(FUNCTIONAL, name=name)(function)


_declare(2, "(N, C, H, W) or (C, H, W)")
_declare(3, "(N, C, D, H, W) or (C, D, H, W)")
