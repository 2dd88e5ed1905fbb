"""Sparse tensors: tensors of indices beside a tensor of values, which stands for the whole in the gradient graph.

Dense tensors know nothing of them: recording an operation on one fails, and only then the public form asks here for the operation's sparse form.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import numpy as np

from . import misfit, override, printing
from .device import CPU, device
from .dtype import int64
from .format import LAYOUTS, layout
from .gradgraph import GradNode, attach, tensor_of, value_of
from .graph import Entry, Trace, Value, here
from .plan import TWICE
from .record import TENSORS
from .size import Size
from .tensor import Tensor, from_array, new, wrap

COO, STRIDED = LAYOUTS["sparse_coo"], LAYOUTS["strided"]
ROWS = LAYOUTS["sparse_csr"], LAYOUTS["sparse_bsr"]          # compressed by rows; the other two by columns
BLOCKS = LAYOUTS["sparse_bsr"], LAYOUTS["sparse_bsc"]
NAMES = {LAYOUTS[k]: v for k, v in {"strided": "Strided", "sparse_coo": "Sparse", "sparse_csr": "SparseCsr", "sparse_csc": "SparseCsc",
                                    "sparse_bsr": "SparseBsr", "sparse_bsc": "SparseBsc"}.items()}
FORMS: dict[str, Callable] = {}                              # public name of an operation -> what it does where an operand is sparse


class Composite(Tensor):
    """A tensor that consists of others.  Nothing is recorded on one, so that its operations come to `elsewhere`."""
    __torch_function__ = override.disabled
    _shown_as = "tensor"

    def _elsewhere(self, name: str, given: dict[str, Any], out: Any = None) -> Any:
        """The operation of this name on these arguments."""
        raise NotImplementedError

    def _form(self, name: str) -> Callable:
        """The function of this name, where an argument is like this."""
        raise NotImplementedError


class SparseTensor(Composite):
    """A tensor of which only some elements are stored.

    _parts      COO: the indices, (sparse_dim, nnz); otherwise the compressed and the plain indices
    _vals       the values, (nnz, *dense shape): where gradients flow, they flow to it and from it, as tensors of the whole's shape
    _coalesced  COO: whether the indices are known to be sorted and distinct
    """
    FREE = frozenset(                                        # hand-written methods of Tensor that serve here as they are
        "new_zeros new_ones new_empty new_full new_tensor type_as cpu cuda is_pinned share_memory_ is_floating_point is_complex is_signed is_nonzero is_conj "
        "is_neg is_inference nelement as_subclass element_size get_device is_same_size __float__ __int__ __complex__ __delitem__ __invert__ _become".split())
    _value = None
    _parts: tuple[Tensor, ...]
    _vals: Tensor
    _size: Size
    layout: layout
    _coalesced: bool

    def _read_value(self) -> Value:
        return self._vals._read_value()

    @property
    def _leaf(self) -> Any:
        return self._vals._leaf

    @_leaf.setter
    def _leaf(self, leaf: Any) -> None:
        self._vals._leaf = leaf

    @property
    def shape(self) -> Size:
        """The sizes of its dimensions."""
        return self._size

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    ndimension = dim

    @property
    def is_sparse(self) -> bool:
        """Whether its layout is `torch.sparse_coo`."""
        return self.layout is COO

    @property
    def is_sparse_csr(self) -> bool:
        """Whether its layout is `torch.sparse_csr`."""
        return self.layout is ROWS[0]

    @property
    def _version(self) -> int:
        return self._vals._version

    def stride(self, dim: int | None = None) -> Any:
        """Zeros: there are no strides."""
        if self.layout is not COO:
            raise RuntimeError("Sparse CSR tensors do not have strides")
        return (0,) * self.dim() if dim is None else 0

    def storage_offset(self) -> int:
        """0: there is no memory of the whole."""
        return 0

    def _share(self) -> Any:
        raise NotImplementedError(f"Cannot access storage of {'SparseTensorImpl' if self.layout is COO else 'SparseCsrTensorImpl'}")

    def _host(self) -> Any:
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def _view(self, op: Any, numbers: tuple, attrs: tuple, seen: Any = None) -> Any:
        args, keywords = op.arguments((self, *numbers), attrs)
        return elsewhere(op, op.name, (*args, *keywords.values()))

    def _become(self, other: SparseTensor) -> SparseTensor:
        """Take over everything of `other`: every in-place operation ends here."""
        self._check_write()
        self._parts, self._vals, self._size, self.layout, self._coalesced = other._parts, other._vals, other._size, other.layout, other._coalesced
        return self

    def _check_leaf(self) -> None:
        if self._leaf is not None and self._leaf.active:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")

    def _holding(self, values: Tensor | Value) -> SparseTensor:
        """The same indices with other values."""
        return sparse(self.layout, self._parts, values if isinstance(values, Tensor) else wrap(values), self._size, self._coalesced)

    # Gradients

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Let operations on it be recorded for gradients, or not; returns the tensor itself."""
        if requires_grad != self.requires_grad and self.is_leaf:
            self._vals = self._vals.detach()
        self._vals.requires_grad_(requires_grad)
        if self._leaf is not None:
            self._leaf.owner = ref(self)
        return self

    def detach(self) -> SparseTensor:
        """The same indices and values without gradient history."""
        return self._holding(self._vals.detach())

    data = property(detach)

    def detach_(self) -> SparseTensor:
        """Cut this tensor off from its gradient history; returns the tensor itself."""
        self._vals = self._vals.detach()
        return self

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.to_dense().item()

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        kind = self.dtype
        told = [f"size={tuple(self.shape)}", f"nnz={self._nnz()}"]
        if self.device is not CPU:
            told.insert(0, f"device='{self.device}'")
        if kind not in (here.mode.floating, here.mode.floating.to_complex(), int64) and kind.name != "bool" or kind is not here.mode.floating and not self._nnz():
            told.append(f"dtype={kind}")
        told.append(f"layout={self.layout}")
        if self.grad_fn is not None:
            told.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.requires_grad:
            told.append("requires_grad=True")
        names = ["indices"] if self.layout is COO else ["crow_indices", "col_indices"] if self.layout in ROWS else ["ccol_indices", "row_indices"]
        parts = [_inner(name, part) for name, part in zip([*names, "values"], [*self._parts, self._vals.detach()], strict=True)]
        return printing.format_tensor(",\n       ".join(parts), kind, suffixes=told, broken=self.layout is COO)

    @property
    def nbytes(self) -> int:
        """There is no memory of the whole."""
        raise RuntimeError("nbytes is not defined for sparse tensors.  If you want the size of the constituent tensors, add the nbytes of the indices and "
                           "values.  If you want the size of the  equivalent dense tensor, multiply numel() by element_size()")

    __hash__ = Tensor.__hash__


TENSORS.discard(SparseTensor)                                # nothing is recorded on one
SparseTensor.__name__ = SparseTensor.__qualname__ = "Tensor"   # as users know it


def _inner(name: str, part: Tensor) -> str:
    """The text of the indices or values inside the text of their tensor."""
    size = [f"size={tuple(part.shape)}"] if 0 in part.shape else []
    return f"{name}=" + printing.format_tensor(part._host(), part.dtype, indent=len(f"tensor({name}="), suffixes=size)


def sparse(kind: layout, parts: Sequence[Tensor], values: Tensor, size: Sequence[int], coalesced: bool = False) -> SparseTensor:
    """The sparse tensor that consists of these tensors."""
    made = new(SparseTensor)
    made.layout, made._parts, made._vals, made._size, made._coalesced = kind, tuple(parts), values, Size(size), coalesced
    if values._leaf is not None:
        values._leaf.owner = ref(made)
    return made


def host(tensor: Tensor) -> np.ndarray:
    """Indices as a NumPy array that must not be written to; waits for them where they are not known yet."""
    return tensor.detach()._host()


def on(where: device, *arrays: np.ndarray) -> tuple[Tensor, ...]:
    """Fresh indices as tensors on a device."""
    return tuple([from_array(np.ascontiguousarray(a), where) for a in arrays])


# Gradients

class SparseNode(GradNode):
    """A node of the gradient graph whose gradients may be sparse: `backward` takes the result's gradient to those of the inputs."""
    backward: Callable[[Tensor], Sequence[Tensor | None]] | None
    inputs: int

    def pull_back(self, trace: Trace, position: int, entry: Entry, grads: list) -> list:
        """The gradients of the inputs."""
        self.at(trace, position, entry)
        if self.backward is None:
            raise RuntimeError(TWICE)
        return [g if g is None else value_of(g) for g in self.backward(tensor_of(grads[0]))] if grads[0] is not None else [None] * self.inputs

    def let_go(self) -> None:
        """The graph may not be gone through again."""
        self.backward = None


_nodes: dict[str, type] = {}


def tracked(name: str, inputs: Sequence[Tensor], result: Any, backward: Callable[[Any], Sequence[Any]]) -> Any:
    """`result`, whose gradient `backward` takes to one for each of the `inputs`; `name` is that of its `grad_fn`.

    The result is computed without gradients, and has no use for them where none of the inputs requires any.
    """
    flows = [x.requires_grad for x in inputs]
    if not here.mode.grad or not any(flows):
        return result
    node = _nodes.setdefault(name, type(name, (SparseNode,), {}))()
    node.inputs = sum(flows)
    node.backward = backward if all(flows) else lambda grad: [g for g, needed in zip(backward(grad), flows, strict=True) if needed]
    value, = attach(node, [x._read_value() for x, needed in zip(inputs, flows, strict=True) if needed], [result._read_value()])
    return result._holding(value) if isinstance(result, SparseTensor) else wrap(value)


# Operations

def sparse_form(*names: str) -> Callable[[Callable], Callable]:
    """Declare what the operations of these names do where an operand is sparse."""
    def declare(function: Callable) -> Callable:
        FORMS.update(dict.fromkeys(names or (function.__name__,), function))
        return function
    return declare


def stored(args: Sequence) -> Any:
    """The first tensor among the arguments that consists of others, if any."""
    for x in args:
        if isinstance(x, Composite):
            return x
        if isinstance(x, list | tuple) and (found := stored(x)) is not None:
            return found
    return None


def elsewhere(op: Any, name: str, args: Sequence, out: Any = None) -> Any:
    """The operation `op`, called by a public name with these arguments, of which some are sparse."""
    given = {p.name: x for p, x in zip(op.parameters.values(), args, strict=True) if p.default is p.empty or x is not p.default}
    of = stored(args)
    if not isinstance(of, SparseTensor):
        return of._elsewhere(name, given, out)
    form = FORMS.get(name)
    if form is not None:
        made = form(**given)
        return made if out is None else written(out, made)
    form = FORMS.get(name[:-1]) if name.endswith("_") else None
    if form is None:
        raise refusal(name, stored(args))
    return written(args[0], form(**given))


def written(target: Any, made: Any) -> Any:
    """`target` with what was computed, in place."""
    if not isinstance(made, SparseTensor):
        return target._write(made._read_value())
    if not isinstance(target, SparseTensor):
        return target._write(made.to_dense()._read_value())
    values = made._vals
    return target._become(made if values.dtype is target.dtype else made._holding(values.to(target.dtype)))


def refusal(name: str, of: SparseTensor) -> NotImplementedError:
    """The error of an operation that has no sparse form."""
    return refused(name, of.layout, of.device.type)


def refused(name: str, kind: layout, place: str) -> NotImplementedError:
    """The error of an operation that has no form for a layout, on a type of device."""
    backend = f"{'Sparse' if kind is COO else 'SparseCsr'}{place.upper()}"
    return NotImplementedError(f"Could not run 'aten::{name}' with arguments from the '{backend}' backend. This could be because the operator doesn't exist "
                               f"for this backend. 'aten::{name}' is available for dense tensors: call to_dense() first.")


def refusing(name: str) -> Callable:
    """A method that has no sparse form."""
    def refuse(self: SparseTensor, *args: Any, **kwargs: Any) -> None:
        raise refusal(name, self)
    return refuse


def form_for(name: str, args: Sequence) -> Callable | None:
    """The sparse form of a function that failed for these arguments; None where none of them is sparse."""
    of = stored(args)
    if of is None:
        return None
    if not isinstance(of, SparseTensor):
        return of._form(name)
    if name not in FORMS:
        raise refusal(name, of) from None
    return FORMS[name]


misfit.Elsewhere.form = staticmethod(form_for)
