"""The ways of calling an operator of PyTorch's database, what each gave, and how two answers differ."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from frameworks import Translation, array_of

import jtorch

FAILURES = (ImportError, ZeroDivisionError, RuntimeError, IndexError, ValueError, TypeError, AttributeError, NotImplementedError, KeyError, AssertionError, OverflowError, MemoryError)
TOLERANCE = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
             "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}                   # relative and absolute, as torch.testing.assert_close's
UNABLE = ("not implemented", "does not support automatic differentiation", "Expected a proper Tensor but got None")
FACTOR = 8                                                    # so many times PyTorch's own rounding error is allowed
WIDE = {"float16": "float64", "bfloat16": "float64", "float32": "float64", "complex64": "complex128"}


@dataclass
class Answer:
    """What one call gave: a nested result and gradients, or an error."""
    value: Any = None
    grads: list = field(default_factory=list)
    second: Any = field(default_factory=list)
    error: str = ""
    text: str = ""


class Side:
    """PyTorch, or jtorch in its place."""

    def __init__(self, module: Any, translated: bool) -> None:
        self.torch, self.translated = module, translated

    def translation(self, shared: bool = False) -> Callable[[Any], Any]:
        return Translation(shared) if self.translated else lambda x: x

    def flat(self, x: Any) -> list:
        if isinstance(x, list | tuple):
            return [leaf for item in x for leaf in self.flat(item)]
        if isinstance(x, dict):
            return self.flat(list(x.values()))
        return [x] if isinstance(x, self.torch.Tensor) else []

    def attempt(self, call: Callable[[], Answer]) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.torch.manual_seed(0)
                return call()
            except FAILURES as error:
                return Answer(error=type(error).__name__, text=str(error).split("\n")[0])

    def constant(self, x: Any) -> Any:
        if isinstance(x, self.torch.Tensor):
            return x.detach()
        if isinstance(x, list | tuple) and type(x) in (list, tuple):
            return type(x)(self.constant(item) for item in x)
        return {k: self.constant(v) for k, v in x.items()} if isinstance(x, dict) else x

    def differentiated(self, call: Callable, sample: tuple, process: Callable) -> Answer:
        """The result with its first and second derivatives, for random gradients."""
        input, args, kwargs = sample
        leaves = [x for x in self.flat([input, args, kwargs]) if x.requires_grad]
        given = call(input, *args, **kwargs)
        heads = [r for r in self.flat(process(given)) if r.requires_grad] if leaves else []
        if not heads:
            return Answer(given)
        first = self.attempt(lambda: Answer(grads=self.gradients(heads, leaves)))
        if first.error:
            return Answer(given, [first])
        if any(x.dtype in (self.torch.bfloat16, self.torch.float16) for x in leaves):     # whose digits do not suffice for second derivatives
            return Answer(given, first.grads)
        second = self.attempt(lambda: Answer(grads=self.gradients(first.grads, leaves)))
        return Answer(given, first.grads, [second] if second.error else second.grads)

    def gradients(self, heads: list, leaves: list) -> list:
        pairs = [(r, self.cotangent(r, k)) for k, r in enumerate(heads) if r is not None and r.requires_grad]
        if not pairs:
            return []
        return list(self.torch.autograd.grad([r for r, _ in pairs], leaves, [c for _, c in pairs], create_graph=True, allow_unused=True))

    def cotangent(self, result: Any, place: int) -> Any:
        rng = np.random.default_rng(place)
        drawn = np.asarray(rng.standard_normal(tuple(result.shape)))
        if result.is_complex():
            drawn = drawn + 1j * rng.standard_normal(tuple(result.shape))
        made = self.torch.tensor(drawn).to(result.dtype)
        return made if result.layout is self.torch.strided else made.sparse_mask(result.detach())

    def written(self, call: Callable, sample: tuple, like: Any) -> Answer:
        """The call with `out=`: tensors of the result's shape, and tensors without elements."""
        input, args, kwargs = sample
        results = THEIRS.flat(like)
        found = []
        for shapes in ([tuple(r.shape) for r in results], [(0,)] * len(results)):
            given = [self.torch.full(shape, 1, dtype=getattr(self.torch, str(r.dtype)[6:])) for r, shape in zip(results, shapes, strict=True)]
            self.torch.manual_seed(0)
            result = call(input, *args, **kwargs, out=given[0] if isinstance(like, torch.Tensor) else tuple(given))
            if result is not None and (result if len(given) == 1 and result.__class__ not in (tuple, list) else result[0]) is not given[0]:
                raise AssertionError("does not return what is given as out=")
            found.append(given)
        return Answer(found)

    def changed(self, call: Callable, sample: tuple) -> Answer:
        """The form that changes its first operand."""
        input, args, kwargs = sample
        target = input.clone()
        call(target, *args, **kwargs)
        return Answer(target)


THEIRS, OURS = Side(torch, False), Side(jtorch, True)


def forms_of(info: Any, side: Side, sample: Any, like: dict[str, Answer] | None) -> dict[str, Answer]:
    """The answers of all forms of one sample; `like` is what PyTorch gave."""
    own = side.translation()
    parts = own((sample.input, sample.args, sample.kwargs))
    process = own(sample.output_process_fn_grad)
    found = {"function": side.attempt(lambda: side.differentiated(own(info.op), parts, process))}
    plain = side.constant(parts)
    variants = {"method": info.method_variant, "operator": info.operator_variant, **{f"alias {a.name}": a.op for a in info.aliases}}
    for name, variant in variants.items():
        if variant is not None:
            found[name] = side.attempt(lambda v=variant: Answer(own(v)(plain[0], *plain[1], **plain[2])))
    for name, variant in {"in-place": info.inplace_variant, "in-place operator": info.inplace_operator_variant}.items():
        if variant is not None:
            found[name] = side.attempt(lambda v=variant: side.changed(own(v), plain))
    expected = (like or found)["function"]
    if info.supports_out and not expected.error and THEIRS.flat(expected.value):
        found["out"] = side.attempt(lambda: side.written(own(info.op), plain, expected.value))
    return found


def arrays(side: Side, x: Any) -> Any:
    """A nested result with NumPy arrays for tensors; lazily failing programs fail here."""
    if isinstance(x, list | tuple):
        return [arrays(side, item) for item in x]
    if not isinstance(x, side.torch.Tensor):
        return x
    dense = x.to_dense() if x.layout is not side.torch.strided else x
    if side.translated:
        dense = dense.detach().resolve_conj().resolve_neg()
        return (dense.float() if dense.dtype is jtorch.bfloat16 else dense).numpy()
    dense = torch.zeros_like(dense) if dense._is_zerotensor() else dense
    found = array_of(dense)
    return found.astype("float32") if dense.dtype == torch.bfloat16 else found


def described(x: Any) -> str:
    return f"{str(x.dtype)[6:]}{list(x.shape)}" if hasattr(x, "dtype") else type(x).__name__


def tied(ours: Any, theirs: Any) -> bool:
    """Whether values are the same, and indices that differ are of equal values: PyTorch promises no order among them."""
    return np.array_equal(arrays(OURS, ours[0]), arrays(THEIRS, theirs[0]), equal_nan=True) and ours[1].shape == theirs[1].shape


def equal_indices(ours: Any, theirs: Any) -> bool:
    """Whether two pairs of values and indices have the same indices."""
    return np.array_equal(arrays(OURS, ours[1]), arrays(THEIRS, theirs[1]))


def value_differences(ours: Any, theirs: Any, precise: Callable[[], Any], scale: float = 1) -> Iterator[str]:
    """How two nested results differ; `precise` is PyTorch's in more digits."""
    if isinstance(theirs, list | tuple) and not isinstance(theirs, torch.Size):
        if not isinstance(ours, list | tuple) or len(ours) != len(theirs):
            yield f"{described(ours)} instead of {len(theirs)} results"
            return
        if getattr(ours, "_fields", None) != getattr(theirs, "_fields", None) and hasattr(theirs, "_fields"):
            yield "names of the results"
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            yield from value_differences(a, b, lambda k=k: precise()[k], scale)
    elif isinstance(theirs, torch.Tensor):
        yield from tensor_differences(ours, theirs, precise, scale)
    elif isinstance(theirs, float) and isinstance(ours, float):
        if not np.isclose(ours, theirs, 1e-6, 1e-6, equal_nan=True):
            yield f"{ours} instead of {theirs}"
    elif str(ours) != str(theirs):
        yield f"{ours!r} instead of {theirs!r}"[:200]


def tensor_differences(ours: Any, theirs: torch.Tensor, precise: Callable[[], Any], scale: float) -> Iterator[str]:
    if not isinstance(ours, jtorch.Tensor):
        yield f"{described(ours)} instead of {described(theirs)}"
        return
    if described(ours) != described(theirs):
        yield f"{described(ours)} instead of {described(theirs)}"
        return
    if str(ours.layout) != str(theirs.layout):
        yield f"{ours.layout} instead of {theirs.layout}"
    a, b = arrays(OURS, ours), arrays(THEIRS, theirs)
    relative, absolute = TOLERANCE.get(str(theirs.dtype)[6:], (0, 0))
    if np.allclose(a, b, relative * scale, absolute * scale, equal_nan=True):
        return
    if relative and str(theirs.dtype)[6:] in WIDE and (exact := precise()) is not None:
        c = arrays(THEIRS, exact)
        if c.shape == b.shape:
            with np.errstate(all="ignore"):
                finite = np.isfinite(c) & np.isfinite(b) & np.isfinite(a)
                same = np.array_equal(np.isnan(a), np.isnan(b)) and np.array_equal(a[~finite], b[~finite], equal_nan=True)
                allowed = FACTOR * np.abs(b - c)[finite].max(initial=0) + relative * scale * np.abs(c[finite]).max(initial=0)
                if same and np.abs(a - c)[finite].max(initial=0) <= allowed:
                    return
    wrong = ~np.isclose(a, b, relative * scale, absolute * scale, equal_nan=True)
    yield f"{int(wrong.sum())} of {wrong.size} elements: {a[wrong].ravel()[:3].tolist()} instead of {b[wrong].ravel()[:3].tolist()}"[:220]


def gradient_differences(ours: list, theirs: list, precise: Callable[[], list]) -> Iterator[str]:
    """How two lists of gradients (or errors in their place) differ; an absent gradient is as good as zeros."""
    failed = [next((a for a in answers if isinstance(a, Answer)), None) for answers in (ours, theirs)]
    if failed[0] or failed[1]:
        a, b = (f"{f.error}: {f.text}" if f else "no error" for f in failed)
        more = failed[1] and any(text in failed[1].text for text in UNABLE)                # jtorch may differentiate what PyTorch can't
        if not more and (failed[0] and failed[0].error) != (failed[1] and failed[1].error):
            yield f"{a} instead of {b}"[:300]
        return
    if not theirs and not ours:
        return
    for k in range(max(len(ours), len(theirs))):
        a, b = (x[k] if k < len(x) else None for x in (ours, theirs))
        if a is None or b is None:
            lone = next((arrays(s, x) for s, x in ((OURS, a), (THEIRS, b)) if x is not None), None)
            if lone is not None and np.any(lone):
                yield f"gradient {k}: only {'PyTorch' if a is None else 'jtorch'} has it"
        else:
            for text in value_differences(a, b, lambda k=k: precise()[k], 10):
                yield f"gradient {k}: {text}"


def differences(ours: Answer, theirs: Answer, precise: Callable[[], Answer]) -> dict[str, list[str]]:
    """What is wrong with one form, by aspect."""
    if theirs.error or ours.error:
        wrong = ours.error != theirs.error and not any(text in theirs.text for text in UNABLE[1:])
        return {"value": [f"{ours.error or 'no error'}: {ours.text} instead of {theirs.error or 'no error'}: {theirs.text}"[:400]]} if wrong else {}

    def checked(side: Side, call: Callable[[], list[str]]) -> list[str]:
        answer = side.attempt(lambda: Answer(call()))
        return [f"{answer.error}: {answer.text}"[:300]] if answer.error else answer.value
    found = {"value": checked(OURS, lambda: list(value_differences(ours.value, theirs.value, lambda: precise().value))),
             "gradient": checked(OURS, lambda: list(gradient_differences(ours.grads, theirs.grads, lambda: precise().grads))),
             "second gradient": checked(OURS, lambda: list(gradient_differences(ours.second, theirs.second, lambda: precise().second))),
             "strides": checked(OURS, lambda: list(stride_differences(ours.value, theirs.value)))}
    return {aspect: texts for aspect, texts in found.items() if texts}


def stride_differences(ours: Any, theirs: Any) -> Iterator[str]:
    for a, b in zip(OURS.flat(ours), THEIRS.flat(theirs), strict=False):
        if b.layout is torch.strided and b.numel() > 1 and any(x != y for x, y, n in zip(a.stride(), b.stride(), b.shape, strict=True) if n > 1):
            yield f"{a.stride()} instead of {b.stride()} for {list(b.shape)}"
