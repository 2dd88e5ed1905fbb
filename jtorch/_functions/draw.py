"""Random tensors.  CPU draws come from the generator on the host, bit for bit PyTorch's, and enter programs as inputs."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from inspect import Signature, signature
from operator import index
from typing import Any

import numpy as np

from .._core import dtype as dt
from .._core import layout, random, rejection
from .._core.derive import into, sizes
from .._core.device import META, Where, canonical, device
from .._core.dtype import chosen, dtype
from .._core.format import layout as Layout
from .._core.format import memory_format
from .._core.graph import here
from .._core.public import public
from .._core.record import record, seen
from .._core.returns import check_no_history
from .._core.run import host_value
from .._core.tensor import Tensor, from_array, required, wrap
from .._core.twister import Generator as HostGenerator
from .._ops.drawn import below, below_into, redrawn, spread
from .create import checked_sizes
from .literals import floating
from .drawn import check_in_place, check_same, draw, draw_as, one_by_one, values
from .options import creating
from .order import is_contiguous, strides_of
from .underived import underived


class Generator(HostGenerator):
    """A stream of random numbers with its own state.

    >>> torch.rand(1, generator=torch.Generator().manual_seed(1))
    tensor([0.7576])
    """

    def get_state(self) -> Tensor:
        """The state as a tensor of bytes."""
        return from_array(super().get_state())

    def set_state(self, new_state: Tensor) -> Generator:
        """Take over a state that `get_state` gave."""
        super().set_state(np.array(new_state._host()) if isinstance(new_state, Tensor) else new_state)
        return self


default = Generator()
others: dict[str, Generator] = {}


def default_for(kind: str) -> Generator:
    """The default generator of a type of device."""
    return default if kind == "cpu" else others.setdefault(kind, Generator(kind))


def stream(generator: Generator | None) -> Generator:
    """The generator to draw from."""
    return default if generator is None else generator


@public("torch")
def manual_seed(seed: int) -> Generator:
    """Start the default generators of all devices from `seed`; returns the CPU's."""
    for generator in others.values():
        generator.manual_seed(int(seed))
    return default.manual_seed(int(seed))


@public("torch")
def seed() -> int:
    """Start the default generator from an unpredictable number, which is returned."""
    return default.seed()


@public("torch")
def initial_seed() -> int:
    """What the default generator was last started from."""
    return default.initial_seed()


@public("torch")
def get_rng_state() -> Tensor:
    """The state of the default generator."""
    return default.get_state()


@public("torch")
def set_rng_state(new_state: Tensor) -> None:
    """Take over a state of the default generator."""
    default.set_state(new_state)


Size = Any


def _drawn(how: Callable[..., np.ndarray], generator: Generator | None, shape: Sequence[int], kind: dtype, given: tuple, device: Any,
           requires_grad: bool, out: Tensor | None = None) -> Tensor:
    """The tensor that `how(generator, shape, kind, *given)` draws."""
    if out is None:
        return draw(lambda full: how(stream(generator), full, kind, *given), shape, kind, device, requires_grad)
    if out.shape != shape:
        out._resize(shape)
    return out._write(host_value(how(stream(generator), tuple(shape), kind, *given)))


def _shape(size: tuple, named: Any) -> tuple[int, ...]:
    return checked_sizes(sizes((named,) if named is not None else size or ((),)))


@public("torch")
@creating("uniform_")
def rand(*size: int | Sequence[int], generator: Generator | None = None, out: Tensor | None = None, dtype: dtype | None = None,
         layout: Layout | None = None, device: Where = None,
         requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """Numbers uniform in [0, 1)."""
    return _drawn(random.uniform, generator, _shape(size, None), chosen(dtype, floating()), (), device, requires_grad, out)


@public("torch")
@creating("normal_")
def randn(*size: int | Sequence[int], generator: Generator | None = None, out: Tensor | None = None, dtype: dtype | None = None,
          layout: Layout | None = None, device: Where = None,
          requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """Numbers from the standard normal distribution."""
    return _drawn(random.normal, generator, _shape(size, None), chosen(dtype, floating()), (), device, requires_grad, out)


@public("torch")
@creating("random_.from")
def randint(low: Any = None, high: Any = None, size: Sequence[int] | None = None, *, generator: Generator | None = None, out: Tensor | None = None,
            dtype: dtype = dt.int64,
            layout: Layout | None = None, device: Where = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """Integers uniform in [low, high)."""
    if size is None and high is not None and not isinstance(high, int):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    elif low is None:
        low = 0
    return _drawn(random.randint, generator, checked_sizes(sizes((size,))), chosen(dtype, dt.int64), (index(low), index(high)), device, requires_grad, out)


@public("torch")
@creating("randperm.generator_out", flat=True)
def randperm(n: int, *, generator: Generator | None = None, out: Tensor | None = None, dtype: dtype = dt.int64, layout: Layout | None = None,
             device: Where = None,
             requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """The numbers from 0 to n - 1 in random order."""
    return _drawn(lambda g, shape, kind: one_by_one(lambda: random.randperm(g, n, kind), shape, 1), generator, (n,), dtype, (), device, requires_grad, out)


def _like(how: Callable[..., np.ndarray], input: Tensor, memory_format: memory_format | None, generator: Generator | None, dtype: dtype | None,
          given: tuple, device: Any, requires_grad: bool) -> Tensor:
    """The tensor of the size of `input` that `how(generator, shape, kind, *given)` draws."""
    kind, strides = chosen(dtype, input.dtype), strides_of(input, memory_format)
    if how is random.normal and strides != layout.contiguous(input.shape):
        how = partial(how, contiguous=False)
    made = draw_as(lambda full: how(stream(generator), full, kind, *given), input.shape, strides, kind, device or input.device)
    return required(made) if requires_grad else made


@public("torch")
@creating("empty_strided")
def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None, layout: Layout | None = None, device: Where = None,
              requires_grad: bool = False, pin_memory: bool = False, memory_format: memory_format | None = None) -> Tensor:
    """Numbers uniform in [0, 1), of the size and type of `input`."""
    return _like(random.uniform, input, memory_format, generator, dtype, (), device, requires_grad)


@public("torch")
@creating("empty_strided")
def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None, layout: Layout | None = None, device: Where = None,
               requires_grad: bool = False, pin_memory: bool = False, memory_format: memory_format | None = None) -> Tensor:
    """Numbers from the standard normal distribution, of the size and type of `input`."""
    return _like(random.normal, input, memory_format, generator, dtype, (), device, requires_grad)


@public("torch")
@creating("empty_strided")
def randint_like(input: Tensor, low: int, high: int | None = None, *, generator: Generator | None = None, dtype: dtype | None = None,
                 layout: Layout | None = None, device: Where = None, requires_grad: bool = False, pin_memory: bool = False,
                 memory_format: memory_format | None = None) -> Tensor:
    """Integers uniform in [low, high), of the size and type of `input`."""
    low, high = (0, low) if high is None else (low, high)
    return _like(random.randint, input, memory_format, generator, dtype, (index(low), index(high)), device, requires_grad)


@public("torch")
@creating("normal_")
def normal(mean: Any, std: Any = 1.0, size: Sequence[int] | None = None, *, generator: Generator | None = None, out: Tensor | None = None,
           dtype: dtype | None = None,
           layout: Layout | None = None, device: Where = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """Numbers from normal distributions with the given means and standard deviations, numbers or tensors."""
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        return _drawn(random.normal, generator, sizes((size,)), chosen(dtype, floating()), (float(mean), _positive(std)), device, requires_grad, out)
    check_no_history("normal", out, mean, std)
    first = mean if isinstance(mean, Tensor) else std
    shape = np.broadcast_shapes(*[x.shape for x in (mean, std) if isinstance(x, Tensor)])
    check_same(mean, std)
    scale = 1.0 if isinstance(std, Tensor) else _positive(std)
    if isinstance(std, Tensor):
        _check_deviations(std)
    elif out is not None:                                    # PyTorch draws as many as there is room for, and adds the means
        return out.normal_(0.0, scale, generator=generator).add_(mean)
    drawn = _drawn(random.normal, generator, shape, first.dtype, (0.0, scale), device or first.device, False)
    return into(out, wrap(record(spread.op, (mean, std if isinstance(std, Tensor) else 1.0, drawn))))


def _check_deviations(std: Tensor) -> None:
    if std.dtype.is_complex:
        raise RuntimeError("normal expects standard deviation to be non-complex")
    known = seen(std)
    if isinstance(known, np.ndarray) and not bool((known >= 0).all()):
        raise RuntimeError("normal expects all elements of std >= 0.0")


def _positive(std: float) -> float:
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    return float(std)


@public("torch")
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Ones with the probability that `input` gives for each element (or with probability `p`), zeros otherwise.

    Raises RuntimeError for probabilities outside [0, 1], where they are known; waiting for those that are still being computed would cost more than the draw.
    """
    check_no_history("bernoulli", out, input)
    if p is None and out is None and _joined(input):
        return wrap(record(below.op, (input, _uniform_for(input, generator))))
    chance = p if p is not None or input.device is META else values(input, "bernoulli")
    made = _drawn(random.bernoulli, generator, input.shape, input.dtype, (chance,), input.device, False)
    if p is not None:
        made = underived(made, input, RuntimeError("derivative for aten::bernoulli is not implemented"))
    return made if out is None else into(out, made.to(out.dtype))


def _joined(p: Tensor) -> bool:
    """Whether a program compares numbers with these probabilities: they are still being computed, or have a history.  Raises for wrong ones."""
    known = seen(p)
    if not p.dtype.is_floating_point or p.device is META:
        return False
    if not isinstance(known, np.ndarray):
        return True
    random.check_chances(known)
    return p.requires_grad and here.mode.grad


def _uniform_for(p: Tensor, generator: Generator | None) -> Tensor:
    """The uniform numbers that PyTorch compares with probabilities of this type."""
    check_same(p)
    return _drawn(random.uniform, generator, p.shape, _uniform_type(p), (), p.device, False)


def _uniform_type(p: Tensor) -> dtype:
    return dt.float64 if p.dtype is dt.float64 else dt.float32


public("Tensor", name="bernoulli")(bernoulli)


@public("torch Tensor")
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Indices drawn with the weights in each row of `input`.    input: (n) or (m, n)  ->  (num_samples) or (m, num_samples)"""
    if out is not None and out.dtype is not dt.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.title}")

    def draw(g: Generator, shape: tuple, kind: dtype) -> np.ndarray:
        weights = values(input, "multinomial")
        rows = weights.reshape(-1, weights.shape[-1]) if weights.ndim > input.dim() else weights
        by_column = input.dim() == 2 and layout.in_memory(strides_of(input)) == (1, 0)
        return random.multinomial(g, rows, num_samples, replacement, by_column).reshape(shape)
    return _drawn(draw, generator, (*input.shape[:-1], num_samples), dt.int64, (), input.device, False, out)


@public("torch")
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson counts with the rates in `input`."""
    random.need("poisson_cpu", input.dtype, random.FLOATS)

    def draw(g: Generator, shape: tuple, kind: dtype) -> np.ndarray:
        return rejection.poisson(g, np.asarray(values(input, "poisson"), np.float64)).astype(kind.numpy).reshape(shape)
    made = _drawn(draw, generator, input.shape, input.dtype, (), input.device, False)
    return wrap(record(redrawn.op, (input, made), ("Poisson", 0))) if input.requires_grad and here.mode.grad else made


@public("torch")
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Binomial counts."""
    random.need("binomial_cpu", count.dtype, random.FLOATS - {"float16", "bfloat16"})

    def draw(g: Generator, shape: tuple, kind: dtype) -> np.ndarray:
        n, p = np.broadcast_arrays(values(count, "binomial"), values(prob, "binomial"))
        return rejection.binomial(g, n.astype(np.float64), p.astype(np.float64)).astype(kind.numpy).reshape(n.shape)
    made = _drawn(draw, generator, np.broadcast_shapes(count.shape, prob.shape), count.dtype, (), count.device, False)
    return underived(made, prob if prob.requires_grad else count, RuntimeError("derivative for aten::binomial is not implemented"))


# In place

def _in_place(name: str, doc: str, draw: Any, number: Callable[[tuple, dict], int] = lambda args, kwargs: 0,
              of_tensor: Callable[[Tensor, Tensor, Generator | None], Any] | None = None) -> None:
    """Declare a method that fills a tensor with what `draw` makes.

    number     PyTorch's overload, which its gradient nodes are named by
    of_tensor  the contents where the first argument is a tensor
    """
    @public("Tensor", name=name)
    def fill(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        self._check_write()
        check_in_place(self)
        if of_tensor is not None and isinstance(first := next(iter((*args, *kwargs.values())), None), Tensor):
            return self._write(of_tensor(self, first, generator), name)
        options = kwargs if draw is not _normal or is_contiguous(self) else {**kwargs, "contiguous": False}
        made = draw_as(lambda full: draw(stream(generator), full, self.dtype, *args, **options), self.shape, strides_of(self), self.dtype, self.device)
        if self.requires_grad and here.mode.grad:
            return self._write(record(redrawn.op, (self, made), (family, number(args, kwargs))), name)
        return self._write(made._value, name)
    family = "".join(map(str.capitalize, name.split("_")))
    fill.__name__, fill.__doc__ = name, doc
    own, given = signature(fill).parameters, [*signature(draw).parameters.values()][3:]
    shown = [own["self"], *[p for p in given if p.kind is p.POSITIONAL_OR_KEYWORD], own["generator"]]
    setattr(fill, "__signature__", Signature(shown, return_annotation="Tensor"))


def _bernoulli_of(self: Tensor, p: Tensor, generator: Generator | None) -> Any:
    random.need("bernoulli_tensor_cpu_self_", self.dtype, random.NUMBERS, self.shape)
    random.need("bernoulli_tensor_cpu_p_", p.dtype, random.FLOATS, p.shape)
    p = p.expand(self.shape)
    _joined(p)
    kind = _uniform_type(p)
    uniform = draw_as(lambda full: random.uniform(stream(generator), full, kind), self.shape, strides_of(self), kind, self.device)
    return record(below_into.op, (self, p, uniform))


def _uniform(g: Generator, shape: tuple, kind: dtype, from_: float = 0.0, to: float = 1.0, **named: float) -> np.ndarray:
    return random.uniform(g, shape, kind, named.get("from", from_), to)


def _normal(g: Generator, shape: tuple, kind: dtype, mean: float = 0.0, std: float = 1.0, *, contiguous: bool = True) -> np.ndarray:
    return random.normal(g, shape, kind, mean, _positive(std), contiguous=contiguous)


def _random(g: Generator, shape: tuple, kind: dtype, from_: int | None = None, to: int | None = None, **named: int) -> np.ndarray:
    low = named.get("from", from_)
    if low is not None and to is None and "from" not in named:
        low, to = 0, low
    return random.randint(g, shape, kind, low, to)


def _bernoulli(g: Generator, shape: tuple, kind: dtype, p: Any = 0.5) -> np.ndarray:
    return random.bernoulli(g, shape, kind, p)


def _exponential(g: Generator, shape: tuple, kind: dtype, lambd: float = 1.0) -> np.ndarray:
    return random.exponential(g, shape, kind, lambd)


def _geometric(g: Generator, shape: tuple, kind: dtype, p: float) -> np.ndarray:
    return random.geometric(g, shape, kind, p)


def _cauchy(g: Generator, shape: tuple, kind: dtype, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    return random.cauchy(g, shape, kind, median, sigma)


def _log_normal(g: Generator, shape: tuple, kind: dtype, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    return random.log_normal(g, shape, kind, mean, std)


_in_place("uniform_", "Fill with numbers uniform in [from, to); returns the tensor itself.", _uniform)
_in_place("normal_", "Fill with numbers from a normal distribution; returns the tensor itself.", _normal)
_in_place("random_", "Fill with integers uniform in [from, to), by default all that it holds exactly.", _random, lambda args, kwargs: 2 - len(args) - len(kwargs))
_in_place("bernoulli_", "Fill with ones with probability `p`, zeros otherwise; returns the tensor itself.", _bernoulli, lambda args, kwargs: 2,
          _bernoulli_of)
_in_place("exponential_", "Fill with numbers from an exponential distribution of rate `lambd`.", _exponential)
_in_place("geometric_", "Fill with numbers of trials up to the first success of probability `p`.", _geometric)
_in_place("cauchy_", "Fill with numbers from a Cauchy distribution.", _cauchy)
_in_place("log_normal_", "Fill with exponentials of numbers from a normal distribution.", _log_normal)


def states() -> list[tuple[Generator, Tensor]]:
    """The default generators of all devices, with their states."""
    return [(g, g.get_state()) for g in (default, *others.values())]


def restore(kept: list[tuple[Generator, Tensor]]) -> None:
    """Give the generators back the states that `states` told."""
    for generator, state in kept:
        generator.set_state(state)


class fork_rng:
    """A context in which random numbers are drawn without disturbing the CPU's generator outside, nor that of a type of devices.

    devices      those whose generator is kept too: by default all of the type, `[]` for none
    device_type  their type
    """

    def __init__(self, devices: Iterable[Any] | None = None, enabled: bool = True, device_type: str = "cuda") -> None:
        self.devices, self.enabled, self.device_type = devices, enabled, device_type

    def __enter__(self) -> None:
        kind = device(self.device_type).type
        kept = [default] if self.enabled else []
        if self.enabled and self.devices is not None:
            named = [canonical(device(kind, d) if isinstance(d, int) else device(d)) for d in self.devices]
            kept += [others[kind]] if named and kind in others else []
        elif self.enabled and kind in others:
            kept.append(others[kind])
        self.states = [(g, g.get_state()) for g in kept]

    def __exit__(self, *error: object) -> None:
        restore(self.states)
