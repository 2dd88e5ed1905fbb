"""Operator declarations: one annotated function per operator, from which every public form is derived."""
from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Protocol, cast

import jax
import jax.numpy as jnp
import numpy as np

from .autocast import converted
from .dtype import BOOL as BOOLEAN
from .dtype import FLOATING, SHORT, check_number, complex128, dtype, float32, float64
from .graph import Aval, Mode, aval
from .promote import result_type

Array = jax.Array                                            # an operand: a tensor, or where promotion allows it a number
Arrays = Sequence[jax.Array]                                 # a sequence of tensors, such as cat's
Scalar = int | float | complex | bool                        # a number that is an input of the program, never part of its key
Dims = int | tuple[int, ...] | None                          # a `dim=` argument: one dimension or several
Scalars = Sequence[int]                                      # several such numbers
Shape = tuple[int, ...]                                      # sizes, which a method also takes as separate arguments

NONE, SAME, FLOAT, DOUBLE, BOOL = "none", "same", "float", "double", "bool"    # promotion kinds
KINDS = {"Array": "array", "Array | None": "array", "Arrays": "arrays", "Arrays | None": "arrays", "Scalar": "scalar",
         "Scalar | None": "scalar", "Scalars": "scalars", "Dims": "dims", "Shape": "shape", "Shape | None": "shape"}
SEQUENCES = {"arrays": "array", "scalars": "scalar"}           # kinds of several operands, and the role of each
OPERANDS = ("array", "scalar", *SEQUENCES)
CHECKED = {"int": int, "float": int | float, "bool": bool, "str": str, "dtype": dtype, "None": type(None)}   # attributes whose class is checked


class Body(Protocol):
    """A declared body: still the function, with its operator."""
    op: Any
    __name__: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


class Op:
    """One operator: its body, a function of JAX arrays, and the facts that its public forms are derived from.

    When recorded, its operands stand in one tuple, in the order of the parameters (a sequence's one after another), and its attributes in
    another, which begins with the lengths of the sequences.
    """
    put: Callable | None = None                              # for a view: how a write through it reaches its base
    fixed: frozenset = frozenset()                           # numbers that are constants of each program, which is another one for each
    hidden = False                                           # whether the gradient graph shows the first operand's node instead

    def __init__(self, body: Callable, kind: str, name: str, **facts: Any) -> None:
        self.body, self.kind, self.name, self.facts = body, kind, name, facts
        self.parameters = inspect.signature(body).parameters
        self.kinds = {p.name: KINDS.get(str(p.annotation), "attribute") for p in self.parameters.values()}
        self.sequences = sum(k in SEQUENCES for k in self.kinds.values())
        self.differentiable = facts.get("differentiable", True)
        self.keeps = frozenset(facts.get("keeps", ()))
        self.numbers = kind != NONE and facts.get("numbers", True)
        self.known, self.fails = facts.get("known"), facts.get("fails")
        self.wide, self.refuses = facts.get("wide", False), facts.get("refuses")
        taken = [n for n, kind in self.kinds.items() if kind in OPERANDS]
        self.fitting = facts.get("fitting") or _fits
        self.fits = tuple([(taken.index(n), n) for n in facts.get("fits", ())])
        self.tells = self.fails is not None and "info" not in (facts.get("returns") or "")   # whether the last result is for `fails` alone
        self.plan = [(p.name, self.kinds[p.name], p.kind is p.KEYWORD_ONLY) for p in self.parameters.values()]
        notes = [(n, str(p.annotation).split(" | ")) for n, p in self.parameters.items()]
        self.checks = {n: options for n, options in notes if all(o in CHECKED for o in options)}
        self.order = self._order()
        self.first = next(iter(self.parameters), None)
        self.several = str(inspect.signature(body).return_annotation) == "tuple[Array, ...]"   # a tuple even of one tensor

    def __repr__(self) -> str:
        return self.name

    def _order(self) -> Callable | None:
        """What puts operands and then attributes into the order of the parameters, where each is one argument without a name."""
        if self.sequences or len(self.plan) < 2 or any(keyword for _, _, keyword in self.plan):
            return None
        roles = [kind in OPERANDS for _, kind, _ in self.plan]
        return itemgetter(*[sum(roles[:k]) if role else sum(roles) + k - sum(roles[:k]) for k, role in enumerate(roles)])

    def arguments(self, operands: Sequence, attrs: tuple) -> tuple[Sequence, dict]:
        """Operands and attributes as the body's arguments."""
        if self.order is not None:
            return self.order((*operands, *attrs)), {}
        operand, attribute = iter(operands), iter(attrs)
        lengths = [next(attribute) for _ in range(self.sequences)][::-1]
        args: list = []
        keywords: dict = {}
        for name, kind, keyword in self.plan:
            if kind in SEQUENCES:
                length = lengths.pop()
                x = None if length is None else [next(operand) for _ in range(length)]
            else:
                x = next(operand) if kind in OPERANDS else next(attribute)
            if keyword:
                keywords[name] = x
            else:
                args.append(x)
        return args, keywords

    def before_defaults(self, given: tuple) -> tuple:
        """The arguments of a call but for those at the end that are the parameters' defaults."""
        own = [p.default is p.empty or x is not p.default for p, x in zip(self.parameters.values(), given, strict=True)]
        return given[:len(own) - own[::-1].index(True)]

    def run(self, operands: Sequence, attrs: tuple) -> Any:
        """The results for these arrays."""
        args, keywords = self.arguments(operands, attrs)
        results = self.body(*args, **keywords)
        return tuple(results) if isinstance(results, tuple | list) else results

    def roles(self, attrs: tuple) -> list[str]:
        """For each recorded operand: `array` (promoted), `keep` (not promoted), `scalar`."""
        lengths, found = list(attrs[:self.sequences][::-1]), []
        for name, kind, _ in self.plan:
            if kind in OPERANDS:
                role = "keep" if name in self.keeps else SEQUENCES.get(kind, kind)
                found += [role] * ((lengths.pop() or 0) if kind in SEQUENCES else 1)
        return found

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Mode) -> tuple[dtype | None, ...]:
        """For each operand (an Aval, the class of a number, or None) the type that it is converted to, or None."""
        self.check(kinds, attrs)
        if self.refuses is not None:
            self.refuses(*[k for k in kinds if k is not None])
        first = converted(self, kinds, attrs, mode) if mode.autocast else None
        if self.kind == NONE:
            return first or (None,) * len(kinds)
        if first is not None:
            kinds = [k if t is None else aval(k.shape, t, k.device) for k, t in zip(kinds, first, strict=True)]
        roles = self.roles(attrs)
        common = self.common(kinds, roles, mode)
        if "alpha" in self.kinds:
            _check_alpha(kinds[list(self.kinds).index("alpha")], common)

        of_number = float32 if self.wide and common in SHORT and any(isinstance(k, Aval) and k.shape for k in kinds) else common

        def one(kind: Any, role: str) -> dtype | None:
            if kind is None or role == "keep" or role != "array" and not isinstance(kind, Aval):
                return None
            return of_number if isinstance(kind, type) or not kind.shape and kind.dtype is not common else common
        return tuple([one(k, r) for k, r in zip(kinds, roles, strict=True)])

    def check(self, kinds: Sequence, attrs: tuple) -> None:
        """Raise TypeError for an attribute of a wrong class, and for a number where there must be a tensor."""
        static = [n for n, kind, _ in self.plan if kind not in OPERANDS]
        for name, x in zip(static, attrs[self.sequences:], strict=True):
            taken = self.checks.get(name)
            if taken and not ("bool" in taken or "float" in taken if x.__class__ is bool else any(isinstance(x, CHECKED[o]) for o in taken)):
                raise TypeError(f"{self.name}(): argument '{name}' must be {self.checks[name][0]}, not {x.__class__.__name__}")
        if self.facts.get("home"):
            if self.sequences:
                self._check_sequences(kinds, attrs)
            else:
                self._check_operands(kinds)

    def takes_number(self, first: bool) -> bool:
        """Whether a number may stand for a tensor, the `first` one or another."""
        return bool(self.numbers) and not (first and self.numbers == "other")

    def _check_operands(self, kinds: Sequence) -> None:
        tensors = sum(isinstance(k, type(None) | type) for k in kinds) < len(kinds)
        for (name, role, _), kind in zip([p for p in self.plan if p[1] in OPERANDS], kinds, strict=True):
            absent = kind is None and "None" not in str(self.parameters[name].annotation)
            if role == "array" and (absent or isinstance(kind, type) and not (tensors and self.takes_number(name == self.first))):
                raise TypeError(f"{self.name}(): argument '{name}' must be Tensor, not {kind.__name__ if kind else 'NoneType'}")

    def _check_sequences(self, kinds: Sequence, attrs: tuple) -> None:
        place, lengths = 0, iter(attrs)
        for argument, (_, role, _) in enumerate(p for p in self.plan if p[1] in OPERANDS):
            width = next(lengths) or 0 if role in SEQUENCES else 1
            for k, kind in enumerate(kinds[place:place + width] if role == "arrays" else ()):
                if isinstance(kind, type):
                    raise TypeError(f"expected Tensor as element {k} in argument {argument}, but got {kind.__name__}")
            place += width

    def node_name(self, entry: Any) -> str:
        """The name of the gradient node of a recorded call, as PyTorch has it: `AddBackward0`."""
        given = self.facts.get("node")
        if given is not None:
            return given(entry) if callable(given) else given
        home = self.facts.get("home", ())
        family = "" if "torch" in home else "linalg_" if "linalg" in home else "special_" if "special" in home else ""
        return re.sub(r"(?:^|_)([a-z])|(?<=\d)([a-z])", lambda m: m[0][-1].upper(), family + self.name) + "Backward0"

    def common(self, kinds: Sequence, roles: Sequence[str], mode: Mode) -> dtype:
        """The type in which the operation computes."""
        promoted = [k if isinstance(k, type) else (k.dtype, len(k.shape)) for k, r in zip(kinds, roles, strict=True) if k is not None and r == "array"]
        found = result_type(promoted)
        if self.kind == DOUBLE:
            return complex128 if found.is_complex else float64
        if self.kind == FLOAT and found.category < FLOATING:
            return mode.floating
        return found


def _fits(number: complex, kind: dtype, name: str) -> None:
    check_number(number, kind)


def _check_alpha(kind: Any, common: dtype) -> None:
    if kind in (float, complex) and common.category < FLOATING:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if kind is bool and common.category != BOOLEAN:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if kind is complex and not common.is_complex:
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")


class View(Op):
    """An operator whose result shares its input's memory."""
    counts = True                                            # whether writes to the result count as writes to the input
    in_order = False                                         # whether elements that lie in order still do

    def __init__(self, body: Callable, name: str, put: Callable | None, overlaps: bool, **facts: Any) -> None:
        self.overlaps = overlaps
        super().__init__(body, NONE, name, **facts)
        self.on_host = True                                  # works on NumPy arrays too
        self.picks = name == "basic_index"                   # selects elements, maybe few of many
        self.put = Put(self, put or _scatter(self))


class Put(Op):
    """The write through a view: the base, changed where the view looks."""

    def __init__(self, view: View, body: Callable) -> None:
        super().__init__(body, NONE, f"{view.name}.put", node="CopySlices")
        self.view = view
        self.plan = [("base", "array", False), ("new", "array", False), *view.plan[1:]]
        self.sequences, self.order = view.sequences, None


def _scatter(view: View) -> Callable:
    """The write for any view: number the base's elements, look at the numbers through the view, write there."""
    def put(base: Array, new: Array, *args: Any, **keywords: Any) -> Array:
        where = view.body(jnp.arange(base.size).reshape(base.shape), *args, **keywords)
        return base.reshape(-1).at[where.reshape(-1)].set(new.reshape(-1)).reshape(base.shape)
    return put


REGISTRY: dict[str, list[Op]] = {}                           # public name -> its overloads


def op(kind: str = NONE, *, name: str | None = None, home: str = "torch Tensor", inplace: bool | str | None = None, out: bool | str = True,
       aliases: Sequence[str] = (), reflected: bool | Body = False, returns: str | None = None, differentiable: bool | tuple[int, ...] = True,
       saves: str | None = None, keeps: Sequence[str] = (), node: Any = None, spread: bool = False, numbers: bool | str = True,
       refuses: Callable | None = None, fits: Sequence[str] = (), fitting: Callable | None = None, wide: bool = False,
       known: Callable | None = None, fails: Callable | None = None, overlap: str | None = None,
       strides: str | Callable | None = None) -> Callable[[Callable], Body]:
    """Declare an operator.

    kind            NONE: operands as they are; SAME: promoted to one type; FLOAT: the same, integers to the default float; DOUBLE: to double precision;
                    BOOL: promoted for the body, whose result is bool
    name            the public name where it is not the body's (several bodies with one public name are overloads)
    home            where the public function lives: any of `torch`, `Tensor` (a method), `nn.functional`, `linalg`, `special`, …
    inplace         whether `name_` exists; default: every op with a promotion kind; "exact": and only where the result has the operand's type
    out             whether `out=` exists; "cast": and takes other types than the result's even where nothing is promoted
    aliases         further public names
    reflected       whether the method form serves a reflected operator (`2 + x`), or what does
    returns         field names of the named tuple that is returned
    differentiable  False for ops whose result never requires grad; or the positions of the results that may
    saves           what PyTorch keeps for the gradient, for the error where that was overwritten: its operands as far as the gradient reads them, or
                    "result", "both", "nothing"
    keeps           operands that promotion leaves alone, such as `where`'s condition
    spread          whether the sequence of tensors is given as separate arguments, as in `einsum`
    node            the name of its `grad_fn` where PyTorch's is not made from the op's: text, or a function of the recorded entry
    numbers         whether a number may stand for one of the tensors, where there is a promotion kind; "other": but not for the first
    refuses         raises for types that it does not take: called with what is known of each operand, its aval or the class of a number
    fits            operands that the results' type must hold where they are numbers: an error says so, where they would overflow otherwise
    fitting         what checks that, if there is more to it: called with the number, the type and the operand's name
    wide            whether numbers, and zero-dim tensors among others, stay in single precision where the results have 16 bits: the body rounds
    known           raises for wrong values: called as the body is, but with the values of those operands that are on the host as NumPy arrays and
                    with the avals of the others
    fails           raises for failures that the program itself finds: called with a function that waits for the last result and returns it, and
                    with the operands' avals and the attributes.  The public forms do not return that result unless `returns` calls it `info`
    strides         of the result: "like", its dimensions lie in memory in the order of the operands' (default where there is a promotion kind); "channels",
                    the channels are last where they are so in the first two operands; "fresh", as those of any new tensor; or a function of
                    the new tensor, or the tuple of them, and the call's arguments, that gives it its strides: `layout.columns`
    overlap         which operands may share memory with what is written, in place or as `out=`: "whole", those that are all of it (so where there is a
                    promotion kind); "none"; "any"
    """
    def declare(body: Callable) -> Body:
        public = name or body.__name__
        made = Op(body, kind, public, home=home.split(), inplace=kind != NONE if inplace is None else inplace, out=out,
                  aliases=tuple(aliases), reflected=reflected, returns=returns, differentiable=differentiable, saves=saves, keeps=keeps, node=node, spread=spread,
                  numbers=numbers, refuses=refuses, fits=fits, fitting=fitting, wide=wide, known=known, fails=fails,
                  strides=strides or ("fresh" if kind == NONE else "like"),
                  overlap=overlap or ("any" if kind == NONE else "whole"))
        for n in (public, *aliases):
            REGISTRY.setdefault(n, []).append(made)
        declared = cast(Body, body)
        declared.op = made
        return declared
    return declare


def view(*, put: Callable | None = None, name: str | None = None, home: str = "torch Tensor", aliases: Sequence[str] = (),
         inplace: bool = False, overlaps: bool = False, in_order: bool = False, node: Any = None) -> Callable[[Callable], Body]:
    """Declare an operator whose result shares memory with its input.  The body must work on NumPy and on JAX arrays alike.

    put       `put(base, new, …)`: the base after `new` was written through the view; default: a scatter found by looking at element numbers
    overlaps  whether the result can see one element several times
    in_order  whether elements that lie in order in memory do so in the result
    """
    def declare(body: Callable) -> Body:
        public = name or body.__name__
        made = View(body, public, put, overlaps, node=node, home=home.split(), inplace=inplace, out=False, aliases=tuple(aliases), reflected=False, returns=None,
                    strides="fresh")
        made.in_order = in_order
        for n in (public, *aliases):
            REGISTRY.setdefault(n, []).append(made)
        declared = cast(Body, body)
        declared.op = made
        return declared
    return declare


def namespace(array: Any) -> Any:
    """`numpy` or `jax.numpy`, whichever `array` belongs to."""
    return np if isinstance(array, np.ndarray) else jnp


def in_type(x: Array, to: np.dtype) -> Array:
    """`x` in another type.  Booleans become floating point by way of integers: XLA would make a product with them a choice, in which 0 times inf is 0."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and not jnp.issubdtype(to, jnp.complexfloating):
        x = x != 0 if to == jnp.bool_ else x.real
    if x.dtype == jnp.bool_ and jnp.issubdtype(to, jnp.inexact):
        x = jax.lax.convert_element_type(x, jnp.int8)
    return x if x.dtype == to else jax.lax.convert_element_type(x, to)
