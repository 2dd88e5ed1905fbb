"""Functions on tensors as XLA programs of their own: exported by `jax.export`, and called again inside recorded programs."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import jax
from jax import export

from .._core import config, lower
from .._core.graph import Trace, Value, aval, computed, here
from .._core.profiling import flush_all
from .._core.record import bind, record
from .._core.run import concrete
from .._core.tensor import Tensor, wrap, wrap_all
from .._functions.draw import default

PLATFORMS = "cpu", "cuda"
HARMLESS = ("lapack_", "mhlo.", "Sharding", "stablehlo.", "cusolver", "cublas", "cudnn", "cufft", "cusparse", "cuda_", "annotate_device_placement", "__gpu$",
            "SPMD", "TopK", "ApproxTopK", "__onednn$", "__cudnn$", "__cublas$")
CUSTOM_CALL = re.compile(r"custom_call @\"?([^\s(\"]+)")


def export_program(function: Callable, tensors: Sequence[Tensor]) -> bytes:
    """`function`, from these tensors to a list of tensors, as bytes.  What else it reads becomes part of the program.

    Raises RuntimeError where it needs a value while it runs, or draws random numbers: neither can be part of a program.
    """
    flush_all()
    values = [_fresh(t) for t in tensors]
    trace = here.switch(values[0].aval.device) if values else here.trace
    for v in values:
        _make_pending(trace, v)
    length, config.trace_length = config.trace_length, 1 << 40
    state = default.get_state().tolist()
    try:
        results = [t._read_value() for t in function([wrap(v) for v in values])]
    finally:
        config.trace_length = length
    if trace is not here.trace:
        raise RuntimeError("cannot export: the program needs a value while it runs (data-dependent control flow, .item(), printing)")
    if state != default.get_state().tolist():
        raise RuntimeError("cannot export: the program draws random numbers; call .eval() on the module first")
    run = lower.replay(trace.node.path(), [v.slot for v in results if v.trace is trace])
    outside, constants = trace.inputs[len(values):], [None if v.trace is trace else concrete(v, "export") for v in results]

    def program(*arrays: Any) -> list:
        made = iter(run(*arrays, *outside))
        return [next(made) if x is None else x for x in constants]
    shapes = [jax.ShapeDtypeStruct(tuple(v.aval.shape), v.aval.dtype.numpy) for v in values]
    with jax.enable_x64(True):
        found = export.export(jax.jit(program), platforms=PLATFORMS)(*shapes)
        return bytes(found.serialize(vjp_order=1))


def _fresh(tensor: Tensor) -> Value:
    """The tensor's array as a value without history."""
    return computed(aval(tuple(tensor.shape), tensor.dtype, tensor.device), concrete(tensor._read_value(), "export"))


def _make_pending(trace: Trace, value: Value) -> None:
    """Make a value an input of the trace that looks as if it were still to be computed: of known arrays, some things are done on the host at once."""
    bind(trace, value)
    value.array, trace.refs[value.slot] = None, ref(value)


class ExportedProgram:
    """An exported program as one recorded operation."""
    kind, differentiable, name = "none", True, "exported"

    def __init__(self, data: bytes) -> None:
        with jax.enable_x64(True):
            self.exported = export.deserialize(bytearray(data))
        for target in CUSTOM_CALL.findall(self.exported.mlir_module()):
            if not target.startswith(HARMLESS):
                raise RuntimeError(f"the program in this file calls {target!r}, which is no part of XLA: it is not run")

    def __repr__(self) -> str:
        return self.name

    def conversions(self, kinds: Any, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Any, attrs: tuple) -> tuple:
        """The program's results."""
        return tuple(self.exported.call(*operands))

    def signature(self) -> list[tuple[tuple[int, ...], str]]:
        """Shape and type of each input."""
        return [(tuple(a.shape), str(a.dtype)) for a in self.exported.in_avals]

    def __call__(self, *tensors: Tensor) -> list[Tensor]:
        """The results as tensors."""
        made = wrap_all(record(self, tensors))
        return list(made) if isinstance(made, tuple) else [made]
