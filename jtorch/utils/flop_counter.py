"""Counts the floating point operations of matrix products and convolutions, by module and operator (`torch.utils.flop_counter`)."""
from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

import jtorch as torch
from jtorch import nn, ops

from .._core.counting import Recorded, work
from .._core.graph import Entry

__all__ = ["FlopCounterMode", "register_flop_formula"]

aten = torch.ops.aten
suffixes = ["", "K", "M", "B", "T"]
HEADERS = "Module", "FLOP", "% Total"
flop_registry: dict[Any, Callable] = {}                      # by operator: a formula of the shapes of its arguments and of `out_shape`


def get_shape(i: Any) -> Any:
    """The shape of a tensor; anything else as it is."""
    return i.shape if isinstance(i, torch.Tensor) else i


def shape_wrapper(f: Callable) -> Callable:
    """`f`, which takes shapes and `out_shape`, as a function of tensors and `out_val`."""
    @wraps(f)
    def of_values(*args: Any, out_val: Any = None, **kwargs: Any) -> Any:
        args, kwargs, out_shape = torch.utils._pytree.tree_map(get_shape, (args, kwargs, out_val))
        return f(*args, out_shape=out_shape, **kwargs)
    return of_values


def register_flop_formula(targets: Any, get_raw: bool = False) -> Callable[[Callable], Callable]:
    """Let the decorated function say how many operations one call of an operator, or of each of several, takes.

    It takes the shapes of the tensors among the arguments, other arguments as they are, and `out_shape`; with `get_raw` tensors and `out_val` (without data,
    except for operators that `torch.library` made).  Raises ValueError for what is no operator, RuntimeError for one that has a formula.
    """
    def register(formula: Callable) -> Callable:
        made = formula if get_raw else shape_wrapper(formula)
        for target in targets if isinstance(targets, list | tuple) else [targets]:
            if not isinstance(target, ops.OpOverloadPacket):
                raise ValueError("register_flop_formula(targets): expected each target to be OpOverloadPacket (i.e. torch.ops.mylib.foo), JitFunction, or "
                                 f"HigherOrderOperator, got {target} which is of type {type(target)}")
            if target in flop_registry:
                raise RuntimeError(f"duplicate registrations for {target}")
            flop_registry[target] = made
        return made
    return register


# ---- PyTorch's formulas

@register_flop_formula(aten.mm)
def mm_flop(a_shape: Sequence[int], b_shape: Sequence[int], *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """Of a product of two matrices."""
    m, k = a_shape
    k2, n = b_shape
    if k != k2:
        raise AssertionError(f"matmul: inner dimensions must match (k == k2), got {k} and {k2}")
    return 2 * m * n * k


@register_flop_formula(aten.addmm)
def addmm_flop(self_shape: Sequence[int], a_shape: Sequence[int], b_shape: Sequence[int], out_shape: Any = None, **kwargs: Any) -> int:
    """Of a product of two matrices that is added to something, whose addition is not counted."""
    return mm_flop(a_shape, b_shape)


@register_flop_formula(aten.bmm)
def bmm_flop(a_shape: Sequence[int], b_shape: Sequence[int], out_shape: Any = None, **kwargs: Any) -> int:
    """Of the products of two batches of matrices."""
    b, *a_matrix = a_shape
    b2, *b_matrix = b_shape
    if b != b2:
        raise AssertionError(f"bmm: batch dimensions must match (b == b2), got {b} and {b2}")
    return b * mm_flop(a_matrix, b_matrix)


@register_flop_formula(aten.baddbmm)
def baddbmm_flop(self_shape: Sequence[int], a_shape: Sequence[int], b_shape: Sequence[int], out_shape: Any = None, **kwargs: Any) -> int:
    """Of the products of two batches of matrices that are added to something."""
    return bmm_flop(a_shape, b_shape)


def conv_flop_count(x_shape: Sequence[int], w_shape: Sequence[int], out_shape: Sequence[int], transposed: bool = False) -> int:
    """Of a convolution: each weight meets each position of the result, or where it is `transposed` of the input."""
    return 2 * x_shape[0] * math.prod(w_shape) * math.prod((x_shape if transposed else out_shape)[2:])


@register_flop_formula([aten.convolution, aten._convolution])
def conv_flop(x_shape: Sequence[int], w_shape: Sequence[int], _bias: Any, _stride: Any, _padding: Any, _dilation: Any, transposed: bool, *args: Any,
              out_shape: Any = None, **kwargs: Any) -> int:
    """Of a convolution."""
    return conv_flop_count(x_shape, w_shape, out_shape, transposed)


@register_flop_formula(aten.convolution_backward)
def conv_backward_flop(grad_out_shape: Sequence[int], x_shape: Sequence[int], w_shape: Sequence[int], _bias: Any, _stride: Any, _padding: Any, _dilation: Any,
                       transposed: bool, _output_padding: Any, _groups: int, output_mask: Sequence[bool], out_shape: Any, **kwargs: Any) -> int:
    """Of the gradients of a convolution's input and weight, as far as `output_mask` asks for them; PyTorch counts the latter as if there were one group."""
    once = conv_flop_count(x_shape, w_shape, grad_out_shape, transposed)
    groups = (grad_out_shape if transposed else x_shape)[1] // w_shape[1]
    return once * output_mask[0] + once * groups * output_mask[1]


def sdpa_flop_count(query_shape: Sequence[int], key_shape: Sequence[int], value_shape: Sequence[int]) -> int:
    """Of attention: the scores, and the values' sums.    query_shape: (b, h, q, d), key_shape: (b, h or less, k, d), value_shape: (b, h or less, k, e)"""
    b, h, q, d = query_shape
    _, _, k, _ = key_shape
    _, _, _, e = value_shape
    return 2 * b * h * q * k * (d + e)


@register_flop_formula([aten._scaled_dot_product_efficient_attention, aten._scaled_dot_product_flash_attention, aten._scaled_dot_product_cudnn_attention])
def sdpa_flop(query_shape: Sequence[int], key_shape: Sequence[int], value_shape: Sequence[int], *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """Of attention."""
    return sdpa_flop_count(query_shape, key_shape, value_shape)


def sdpa_backward_flop_count(grad_out_shape: Sequence[int], query_shape: Sequence[int], key_shape: Sequence[int], value_shape: Sequence[int]) -> int:
    """Of the gradients of attention, with the scores once more."""
    b, h, q, d = query_shape
    _, _, k, _ = key_shape
    _, _, _, e = value_shape
    return 2 * b * h * q * k * (3 * d + 2 * e)


@register_flop_formula([aten._scaled_dot_product_efficient_attention_backward, aten._scaled_dot_product_flash_attention_backward,
                        aten._scaled_dot_product_cudnn_attention_backward])
def sdpa_backward_flop(grad_out_shape: Sequence[int], query_shape: Sequence[int], key_shape: Sequence[int], value_shape: Sequence[int], *args: Any,
                       out_shape: Any = None, **kwargs: Any) -> int:
    """Of the gradients of attention."""
    return sdpa_backward_flop_count(grad_out_shape, query_shape, key_shape, value_shape)


BUILT_IN = dict(flop_registry)                               # what the counting in `_core` goes by itself


# ---- modules by name

class _Modules:
    """Which modules are at work: the first one gets the name of its class, those inside the names of their attributes behind that."""

    def __init__(self) -> None:
        self.names: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
        self.open: list[str] = []
        self.handles: list[Any] = []

    def start(self, changing: Callable[[], None]) -> None:
        """Follow the calls of modules; `changing` is called before each beginning and end."""
        def before(module: nn.Module, args: Any) -> None:
            changing()
            if module not in self.names:
                self._name(module, type(module).__name__)
            self.open.append(self.names[module])

        def after(module: nn.Module, args: Any, result: Any) -> None:
            changing()
            if self.open:
                self.open.pop()
        self.open = []
        self.handles = [nn.modules.module.register_module_forward_pre_hook(before), nn.modules.module.register_module_forward_hook(after, always_call=True)]

    def stop(self) -> None:
        """No longer follow them."""
        for handle in self.handles:
            handle.remove()

    def _name(self, module: nn.Module, name: str) -> None:
        self.names[module] = name
        for key, child in module.named_children():
            self._name(child, f"{name}.{key}")


# ---- the mode

class FlopCounterMode:
    """Counts, inside `with`, the floating point operations of matrix products and convolutions in forward and backward passes.

    mods            not needed any more
    depth           of the modules in the table
    display         whether to print the table at the end
    custom_mapping  formulas for operators, as those of `register_flop_formula`; with an attribute `_get_raw` that is true they take tensors

    Totals agree with PyTorch's, but for these.  Products also count where PyTorch's kernels for the CPU hide them: in `F.scaled_dot_product_attention`,
    `nn.LSTM`, Transformer layers in eval mode, `addmm_`, and operators of `torch.library` without a formula.  The gradient of a recurrent layer includes the
    one of its initial state, a checkpoint is computed to its end again, and `jvp` takes twice what the function does.  Nothing counts in the gradients of
    decompositions, solvers, `cdist` and `addbmm`.

    Operators have the names mm, addmm, bmm, baddbmm, convolution and convolution_backward; PyTorch may say mm and bmm for each other, and mm for addmm,
    where that depends on how a tensor lies in memory.  A formula of one's own for an operator of PyTorch's counts for its calls by its own name, forward only.

    >>> with FlopCounterMode(display=False) as counter:
    ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> counter.get_total_flops()
    48
    """

    def __init__(self, mods: Any = None, depth: int | None = 2, display: bool = True, custom_mapping: dict[Any, Callable] | None = None) -> None:
        if mods is not None:
            warnings.warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)
        self.depth, self.display = depth, display
        custom = {} if custom_mapping is None else custom_mapping
        self.flop_registry = {**flop_registry, **{k: f if getattr(f, "_get_raw", False) else shape_wrapper(f) for k, f in custom.items()}}
        self.flop_counts: defaultdict[str, Counter] = defaultdict(Counter)
        self._modules, self._recorded = _Modules(), Recorded()
        self._homes: dict[Entry, tuple[str, ...]] = {}       # the modules in which an operation was recorded: its gradient counts for them too
        self._own: dict[str, Any] = {}
        self._active = False

    def __enter__(self) -> FlopCounterMode:
        self._stop()
        self.flop_counts.clear()
        self._homes.clear()
        self._own = {k.__name__: k for k, f in self.flop_registry.items() if k.namespace == "aten" and BUILT_IN.get(k) is not f}
        self._active = True
        self._recorded.start()
        self._modules.start(self._count)
        ops.AROUND.append(self._around)
        return self

    def __exit__(self, *error: Any) -> None:
        if not self._active:
            raise AssertionError("Internal error: FlopCounter.__exit__ called but mode is None")
        self._stop()
        if self.display:
            print(self.get_table(self.depth))

    def get_total_flops(self) -> int:
        """Of everything together."""
        self._count()
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[Any, int]]:
        """By module ("Global" is everything) and operator, such as `torch.ops.aten.mm`."""
        self._count()
        return {name: dict(counts) for name, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as text, of modules up to `depth` (None: that of the mode; 1: those that were called first)."""
        depth = self.depth if depth is None else depth
        total, counts = self.get_total_flops(), self.flop_counts
        shown = [name for name in sorted(counts) if name != "Global" and (depth is None or name.count(".") < depth)]
        if all(sum(counts[name].values()) < total for name in shown):
            shown.insert(0, "Global")                        # something is in none of the modules
        rows = [row for name in shown for row in _rows(name, counts[name], total)]
        return _aligned([HEADERS, *rows])

    def _stop(self) -> None:
        if self._active:
            self._count()
            self._modules.stop()
            self._recorded.stop()
            ops.AROUND.remove(self._around)
            self._active = False

    def _count(self) -> None:
        """Count what was recorded since the last time, for the modules that are at work."""
        now = tuple(dict.fromkeys(self._modules.open))
        for entry in self._recorded.take() if self._active else ():
            self._homes[entry] = now
            for operation, back, found in work(entry):
                packet = None if back else self._own.get(operation.op.name)
                if packet is not None:
                    self._add(now, packet, self.flop_registry[packet](*_operands(operation), out_val=_result(operation)))
                else:
                    for name, flops in found.items():
                        self._add((*now, *self._homes.get(operation, ())) if back else now, getattr(aten, name), flops)

    def _add(self, modules: Iterable[str], packet: Any, flops: int) -> None:
        for name in dict.fromkeys(("Global", *modules)):
            self.flop_counts[name][packet] += flops

    def _around(self, operator: ops.Operator, run: Callable[[], Any], args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call of an operator that `torch.library` made: by its formula, if it has one, or else by what it records."""
        packet = getattr(ops.namespace(operator.namespace), operator.name)
        if packet not in self.flop_registry:
            return run()
        self._count()
        result = run()
        self._recorded.take()                                # its formula counts instead
        self._add(self._modules.open, packet, self.flop_registry[packet](*args, **kwargs, out_val=result))
        return result


def _operands(entry: Entry) -> list:
    """What an operation was called with, the tensors without their data."""
    given = [_empty(a) if a is not None else getattr(r, "number", None) for a, r in zip(entry.inputs, entry.operands, strict=True)]
    while given and given[-1] is None:
        given.pop()
    return given


def _result(entry: Entry) -> Any:
    made = tuple([_empty(a) for a in entry.outputs])
    return made[0] if len(made) == 1 else made


def _empty(a: Any) -> torch.Tensor:
    return torch.empty(a.shape, dtype=a.dtype, device="meta")


# ---- the table

def get_suffix_str(number: int) -> str:
    """The letter with which a number is written that leaves it two to four digits before the point."""
    return suffixes[max(0, min(len(suffixes) - 1, (len(str(number)) - 2) // 3))]


def convert_num_with_suffix(number: int, suffix: str) -> str:
    """A number in thousands, millions, ... with three digits behind the point."""
    return f"{number / 1000 ** suffixes.index(suffix):.3f}{suffix}"


def convert_to_percent_str(num: int, denom: int) -> str:
    """A part of a whole; "0%" where there is nothing."""
    return f"{num / denom:.2%}" if denom else "0%"


def _rows(name: str, counts: dict[Any, int], total: int) -> list[tuple[str, str, str]]:
    """The lines of one module: its sum and its operators."""
    suffix = get_suffix_str(total)
    lines = [(name, sum(counts.values())), *[(f"- {packet}", flops) for packet, flops in counts.items()]]
    return [(label, convert_num_with_suffix(n, suffix) if suffix else str(n), convert_to_percent_str(n, total)) for label, n in lines]


def _aligned(rows: list[tuple[str, ...]]) -> str:
    """Columns below their headers, the first to the left, the others to the right."""
    widths = [max(len(header) + 2, *[len(row[k]) for row in rows]) for k, header in enumerate(rows[0])]
    lines = [rows[0], tuple("-" * w for w in widths), *rows[1:]]
    return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in lines)
