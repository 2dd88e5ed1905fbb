"""The Tensor: a mutable, PyTorch-shaped face over immutable values.  Operators are added to it by `derive.py`."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, overload
from weakref import ref

import numpy as np

from . import backward, gradgraph, indexing, layout, levels, misfit, printing
from .batched import refuse
from .device import CPU, META, device
from .dtype import FLOATING, dtype
from .generated import Generated
from .graph import Aval, Gradients, Leaf, Value, aval, computed, here
from .op import View
from .promote import FLOAT_CATEGORIES, NUMBERS
from .record import TENSORS, record
from .transfer import to_device, to_host
from .run import concrete, host_value
from .size import Size
from .storage import CUTS, Step, Storage, apply_view, crowded, data_of, detach, fitting, keep_history, leaf_value
from .versions import note

NOT_A_LEAF = ("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated during autograd.backward(). "
              "If you indeed want the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the "
              "non-leaf Tensor by mistake, make sure you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more informations.")
DETACH, DATA = detach.op, data_of.op
new = object.__new__


class Tensor(Generated):
    """A multi-dimensional array of one element type, with a gradient history.

    _value    what it holds; None when its storage was written to since it last looked
    _storage  the memory it shares with others, None while nobody else looks; `_step` is its way of looking
    _leaf     where its gradient accumulates, if it is a leaf that requires grad (or did)
    _strides  those of memory of its own where PyTorch would not keep the elements in order
    """
    _value: Value | None
    _storage: Storage | None = None
    _step: Step | None = None
    _seen_from: tuple | None = None                          # (base, op, numbers, attrs) of a view that has not needed a storage yet
    _views: list | None = None                               # weak references to such views of this tensor
    _leaf: Leaf | None = None
    _strides: tuple[int, ...] | None = None
    _in_order = True                                         # False where its strides may be other than a fresh tensor's
    _versions: list[int] | None = None                       # how many in-place writes there were, until there is a storage
    _name: str | None = None
    _tracked = False                                         # whether it is an input of a gradient level, see `levels`
    _is_param = False                                        # whether it is of an own class, and `Parameter` was called for it
    _shown_as = "tensor"                                     # what its text begins with
    names: tuple = ()
    layout = gradgraph.STRIDED
    is_sparse = is_quantized = is_mkldnn = is_nested = is_xla = is_mps = is_sparse_csr = False
    __array_priority__ = 1000

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        TENSORS.add(cls)
        cls._shown_as = vars(cls).get("_shown_as", cls.__name__)

    # What it is

    def _read_value(self) -> Value:
        v = self._value
        return self._read() if v is None else v

    def _read(self) -> Value:
        v = self._storage.read(self._step)
        if self._storage.buffer is None and (here.mode.grad or not self._step.under_leaf()):
            self._value = v
        return v

    @property
    def _aval(self) -> Aval:
        v, storage = self._value, self._storage
        return v.aval if v is not None else storage and storage.shared_aval(self._step) or self._read_value().aval

    @property
    def shape(self) -> Size:
        """The sizes of its dimensions."""
        v = self._value
        return v.aval.shape if v is not None else self._aval.shape

    @property
    def dtype(self) -> dtype:
        """The type of its elements."""
        return self._aval.dtype

    @property
    def device(self) -> device:
        """Where it lives."""
        return self._aval.device

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    ndimension = dim

    @overload
    def size(self, dim: None = None) -> Size: ...
    @overload
    def size(self, dim: int) -> int: ...
    def size(self, dim: int | None = None) -> Size | int:
        """The shape, or the size of one dimension."""
        shape = self.shape
        return shape if dim is None else shape[indexing.check_dimension(dim, len(shape))]

    def numel(self) -> int:
        """The number of elements."""
        return self.shape.numel()

    def stride(self, dim: int | None = None) -> Any:
        """How many elements apart neighbours lie in memory, for each dimension."""
        strides = layout.of(self)[0]
        return strides if dim is None else strides[indexing.check_dimension(dim, len(strides))]

    def storage_offset(self) -> int:
        """The position in memory of its first element, in elements."""
        return layout.of(self)[1]

    @property
    def _version(self) -> int:
        if self._seen_from is not None:
            self._share()
        versions = self._step.versions if self._step is not None else self._versions
        return versions[0] if versions else 0

    # Memory

    def _share(self) -> Storage:
        """Its storage, made on the first call."""
        if self._storage is not None:
            return self._storage
        if self._seen_from is not None:
            base, op, numbers, attrs = self._seen_from
            storage = base._share()
            if self._storage is None:                        # sharing the base brings its views along
                cut = base.requires_grad and not self._value.aval.requires_grad
                storage.join(self, Step(base._step.cut() if cut else base._step, op, numbers, attrs, self._leaf))
                self._seen_from = None
        else:
            v, leaf = self._value, self._leaf
            if leaf is not None and leaf.active:
                v = computed(v.aval.plain, concrete(v, "leaf shared"))
            storage = Storage(v)
            storage.strides, self._strides = self._strides, None
            storage.join(self, Step(None, None, (), (), leaf, self._versions))
        views, self._views = self._views, None
        for view in views or ():
            tensor = view()
            if tensor is not None and tensor._seen_from is not None:
                tensor._share()
        return storage

    def _view(self, op: View, numbers: tuple, attrs: tuple, seen: Value | None = None) -> Tensor:
        """The tensor that sees this one's memory through `op`; `seen` is what it sees, where that is known already."""
        out, v = new(Tensor), self._value
        out._in_order = self._in_order and op.in_order and (op in CUTS or 0 not in self.shape)
        if self._storage is None:
            out._value = seen or apply_view(op, v, numbers, attrs)
            out._seen_from = self, op, numbers, attrs
            if self._views is None:
                self._views = []
            elif crowded(self._views):
                self._views = [r for r in self._views if r() is not None]
            self._views.append(ref(out))
            return out
        storage = self._storage
        out._value = None if v is None or storage.shared() else seen or apply_view(op, v, numbers, attrs)
        cut = not here.mode.grad and self.requires_grad
        storage.join(out, Step(self._step.cut() if cut else self._step, op, numbers, attrs))
        return out

    def _alone(self) -> bool:
        """Whether nobody else looks at its memory, so that a new value may simply replace the old."""
        if self._storage is not None or self._seen_from is not None:
            return False
        return self._views is None or all(r() is None for r in self._views)

    def _write(self, value: Value, name: str = "in-place operation") -> Tensor:
        """Make `value` its contents: every in-place operation ends here."""
        here_now, leaf = here.mode, self._leaf
        if self._seen_from is not None:
            self._share()
        if here_now.grad:
            self._check_leaf()
        before = self._read_value()
        old = before.aval
        if value.aval is not old and (value.aval.shape is not old.shape or value.aval.dtype is not old.dtype or value.aval.levels != old.levels):
            value = fitting(value, before, name)
        if self._step is not None and name != "fill_":
            layout.check_single(self)
        if not here_now.grad and leaf is None and old.requires_grad and self._alone():
            value = keep_history(before, value)
        if (leaf is None or not leaf.active) and self._alone():
            if self._versions is None:
                self._versions = [0]
            note(before, self._versions, value, value)
            self._value = value
            self._versions[0] += 1
        else:
            self._share().write(self._step, value)
        return self

    def _check_write(self) -> None:
        """Raise where an in-place operation is not allowed now: before random numbers are drawn for it, say."""
        if here.mode.grad:
            self._check_leaf()

    def _check_leaf(self) -> None:
        if self._tracked or self._leaf is not None and self._leaf.active:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        step = self._step
        while step is not None and step.op not in CUTS:
            if step.leaf is not None and step.leaf.active:
                raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
            step = step.parent

    # Gradients

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded for gradients."""
        leaf = self._leaf
        return leaf.active if leaf is not None else self._aval.requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted.__class__ is not bool:
            raise RuntimeError("requires_grad must be a bool")
        if wanted and self.dtype.category not in FLOAT_CATEGORIES:
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Let operations on it be recorded for gradients, or not; returns the tensor itself."""
        if requires_grad.__class__ is not bool:
            raise misfit.wrong_class("requires_grad_", "requires_grad", 1, "bool", requires_grad)
        if levels.transforming():
            raise RuntimeError(levels.REQUIRES_GRAD)
        if requires_grad == self.requires_grad:
            return self
        if not self.is_leaf:
            raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that "
                               "doesn't require differentiation use var_no_grad = var.detach().")
        if requires_grad and self.dtype.category not in FLOAT_CATEGORIES:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if self._views is not None:
            self._share()
        if self._leaf is None:
            self._leaf = Leaf(self)
            if self._storage is not None:
                self._step.leaf = self._leaf
        self._leaf.active = bool(requires_grad)
        if self._storage is not None:
            self._value = None
        elif requires_grad:
            self._value = leaf_value(self._value, self._leaf)
        else:
            self._value = computed(self._value.aval.plain, concrete(self._value, "requires_grad"))
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._leaf is not None or self._tracked or not self._aval.requires_grad

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient of a leaf (or of a tensor that retains it)."""
        if self._leaf is not None:
            return self._leaf.grad
        found = gradgraph.retained_grad(self)
        if found is None and self.requires_grad and not gradgraph.retains(self):
            warnings.warn(NOT_A_LEAF, stacklevel=2)
        return found

    @grad.setter
    def grad(self, grad: Tensor | None) -> None:
        leaf = self._leaf
        if leaf is None and self.requires_grad:
            self._retained = grad                            # what a non-leaf tensor is told to hold
            return
        if leaf is None:
            if grad is None:
                return
            leaf = self._leaf = Leaf(self)
            leaf.active = False
        if grad is not None:
            gradgraph.check_assigned(self, grad)
        leaf.grad = grad

    @grad.deleter
    def grad(self) -> None:
        if self._leaf is not None:
            self._leaf.grad = None

    @property
    def grad_fn(self) -> Any:
        """The node of the gradient graph that made it; None for a leaf."""
        return None if self._leaf is not None or self._tracked else gradgraph.grad_fn(self._read_value())

    @property
    def output_nr(self) -> int:
        """Which of its `grad_fn`'s results it is."""
        return gradgraph.output_number(self._read_value())

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
                 inputs: Tensor | tuple | list | None = None) -> None:
        """Accumulate the gradients of this tensor in the leaves that it was computed from.

        gradient  same shape as the tensor; may be left out for a single element
        """
        given = gradient is None or isinstance(gradient, Tensor)
        backward.run([self], [gradient] if given else list(gradient)[:1], retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """A tensor that shares this one's memory and has no gradient history."""
        return self._view(DETACH, (), ())

    def detach_(self) -> Tensor:
        """Cut this tensor off from its gradient history; returns the tensor itself."""
        if self._seen_from is not None or self._step is not None and self._step.op is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and "
                               "gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these "
                               "gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.")
        value = record(DETACH, (self,)) if self.requires_grad and self._leaf is None else None
        if self._leaf is not None:
            return self.requires_grad_(False)
        if value is not None:
            self._value = value
            if self._storage is not None:
                self._storage.value = value
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without gradient history."""
        return self._view(DATA, (), ())

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(other).__name__}")
        if self.requires_grad and other.dtype.category < FLOATING:
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        source = other.detach()
        source._share()
        self._share()
        self._value = None
        source._storage.join(self, Step(source._step, DATA, (), (), self._leaf, self._step.versions))

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf tensor in `.grad`."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._leaf is None:
            gradgraph.retain(self)

    @property
    def retains_grad(self) -> bool:
        """Whether this non-leaf tensor keeps its gradient."""
        return self._leaf is None and gradgraph.retains(self)

    def register_hook(self, hook: Callable) -> Any:
        """Call `hook(grad)` whenever the gradient of this tensor is computed; what it returns, if not None, replaces it."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return gradgraph.add_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable) -> Any:
        """Call `hook(tensor)` after a gradient was accumulated into this leaf."""
        if self._leaf is None or not self._leaf.active:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        return gradgraph.add_after_hook(self._leaf, hook)

    # Conversion

    def _host(self) -> np.ndarray:
        """Its values as a NumPy array that must not be written to."""
        storage = self._storage
        if storage is not None and storage.shared():
            return storage.look(self._step)
        return to_host(self._read_value(), "values")

    def item(self) -> Any:
        """The only element, as a Python number."""
        storage = self._storage
        value = self._read_value()
        of = value.aval
        if of.shape and of.shape.numel() != 1:
            raise RuntimeError(f"a Tensor with {of.shape.numel()} elements cannot be converted to Scalar")
        if of.device is META:
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")
        array = self._host() if storage is not None and storage.buffer is not None else concrete(value, "item") if not of.levels else to_host(value, "item")
        number = np.asarray(array).item()                    # JAX's own item() takes twice as long
        return number if type(number) in NUMBERS else float(number)   # NumPy knows no Python number for bfloat16

    # Python's protocols

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous" if not self.numel() else
                               "Boolean value of Tensor with more than one value is ambiguous")
        refuse(self._aval, "bool")
        return bool(self.item())

    def __index__(self) -> int:
        if self.dtype.category >= FLOATING or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, element: Any) -> bool:
        if isinstance(element, Tensor | bool | int | float | complex):
            return (self == element).any().item()
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        if here.active and (guards := levels.wrappers(self._aval)):
            return levels.shown(self._read_value(), guards, lambda value: repr(wrap(value)))
        hidden = self.device is META
        suffixes = [] if self.device is CPU else [f"device='{self.device}'"]
        suffixes += printing.type_suffixes(self.shape, self.dtype, here.mode.floating, hidden=hidden)
        if self.grad_fn is not None:
            suffixes.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        text = printing.format_tensor("..." if hidden else self._host(), self.dtype, suffixes=suffixes, prefix=self._shown_as + "(")
        return f"Parameter({text})" if self._is_param else text

    def __format__(self, spec: str) -> str:
        alone = type(self) is Tensor and not self.shape and self.device is not META      # not a subclass, as in PyTorch
        return format(self.item(), spec) if alone else object.__format__(self, spec)

    def __getitem__(self, index: Any) -> Tensor:
        return indexing.get(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        indexing.set(self, index, value)


HIDDEN = frozenset(("_value", "_storage", "_step", "_seen_from", "_views", "_leaf", "_versions", "_strides", "_in_order"))
TENSORS.update((Tensor, Value))


def wrap(value: Value) -> Tensor:
    """A tensor that holds `value`."""
    out = new(Tensor)
    out._value = value
    return out


def wrap_all(values: Value | tuple[Value, ...]) -> Any:
    """Tensors for an operation's result or results."""
    return tuple([wrap(v) for v in values]) if type(values) is tuple else wrap(values)


def from_array(array: np.ndarray, where: device = CPU, requires_grad: bool = False) -> Tensor:
    """A tensor that owns a fresh NumPy array, which nobody may write to any more."""
    value = host_value(array)
    if where is not CPU:
        value = computed(aval(value.aval.shape, value.aval.dtype, where), to_device(array, where))
    out = wrap(value)
    return required(out) if requires_grad else out


def required(made: Tensor) -> Tensor:
    """A new tensor, from now on requiring grad."""
    if made.dtype.category not in FLOAT_CATEGORIES:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return made.requires_grad_()


gradgraph.Doors.tensor = Tensor
gradgraph.Doors.tensor_of = Gradients.wrap = staticmethod(wrap)
indexing.type_of = lambda tensor: wrap
