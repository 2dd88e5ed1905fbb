"""`torch.quasirandom`: both frameworks draw the same points, bit for bit, and raise the same errors."""
from __future__ import annotations

import copy
import pickle
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

BOTH = torch, jtorch
STATE = "sobolstate", "shift", "quasi", "_first_point"


def plain(made: Any) -> Any:
    """A result as what both frameworks' can be compared by."""
    if hasattr(made, "numpy"):
        return str(made.dtype), made.stride(), made.numpy().tolist()
    return [plain(x) for x in made] if isinstance(made, tuple) else repr(made)


def outcome(program: str, T: ModuleType) -> Any:
    """What the last line of a program gives, or its error."""
    S = T.quasirandom.SobolEngine
    known: dict[str, Any] = {"T": T, "S": S, "np": np, "copy": copy, "pickle": pickle}
    *before, last = program.split("; ")
    try:
        exec("\n".join(before), known)
        return plain(eval(last, known))
    except (TypeError, ValueError, RuntimeError, AttributeError, NotImplementedError) as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("dimension", [1, 2, 3, 5, 100, 1111, 21201])
@pytest.mark.parametrize("scramble", [False, True])
def test_points(dimension: int, scramble: bool) -> None:
    """The state, several draws in a row, with steps left out between, in both types, and from the beginning again."""
    ours, theirs = (T.quasirandom.SobolEngine(dimension, scramble, seed=dimension) for T in (jtorch, torch))
    for name in STATE:
        assert np.array_equal(getattr(ours, name).numpy(), getattr(theirs, name).numpy()), name
    for n in (1, 2, 7, 0, 33):
        assert np.array_equal(ours.draw(n).numpy(), theirs.draw(n).numpy()), n
    ours.fast_forward(77), theirs.fast_forward(77)
    assert np.array_equal(ours.draw(3, dtype=jtorch.float64).numpy(), theirs.draw(3, dtype=torch.float64).numpy())
    ours.reset().fast_forward(4), theirs.reset().fast_forward(4)
    assert np.array_equal(ours.draw_base2(2).numpy(), theirs.draw_base2(2).numpy())
    assert np.array_equal(ours.quasi.numpy(), theirs.quasi.numpy()) and ours.num_generated == theirs.num_generated == 8


def test_many_points() -> None:
    ours, theirs = (T.quasirandom.SobolEngine(3, scramble=True, seed=0).draw(2**17).numpy() for T in BOTH)
    assert np.array_equal(ours, theirs)


PROGRAMS = """
T.manual_seed(5); e = S(4, scramble=True); e.draw(9), T.rand(3)
T.manual_seed(5); e = S(4); e.draw(2), T.rand(3)
T.manual_seed(5); e = S(4, True, 2**64 - 1); e.draw(9), T.rand(3)
[S(2, True, s).draw(2).tolist() for s in (0, 1, -1, 2**63, -2**63)]
e = S(2, True, 3); e.draw(3); f, g = pickle.loads(pickle.dumps(e)), copy.deepcopy(e); e.draw(2), f.draw(2), g.draw(2), f, g.num_generated, f.sobolstate
e = S(2, True, 3); q = e.quasi; e.draw(3); q, e.quasi, e.shift, e.reset().quasi, e.num_generated, e.draw(2)
e = S(2, True, 3); q = e.quasi; e.fast_forward(4); r = e.quasi; q, q is r, e.draw(2), e.quasi is q
e = S(3); e.reset() is e, e.fast_forward(3) is e, e.num_generated, e.quasi, e.draw(2)
e = S(3); e.fast_forward(2); e.fast_forward(0); e.fast_forward(1000); e.num_generated, e.quasi, e.draw(2)
e = S(3, True, 1); e.fast_forward(0); e.num_generated, e.quasi, e.draw(2)
e = S(3, True, 1); e.fast_forward(1); e.num_generated, e.quasi, e.draw(2)
S(2), S(2, True), S(2, True, 5), S(2, False, 7), S(dimension=2, seed=0), S(2, 1), S.MAXDIM, S.MAXBIT, S(5).dimension
sorted(vars(S(2, True, 1))), S(2).seed, S(2, True).scramble
S(2, True, 1).draw(3, dtype=T.float64)
S(2, True, 1).draw(1, dtype=T.float64)
S(2, True, 1).draw(1, dtype=T.float16)
S(2, True, 1).draw(2, dtype=T.float16)
e = S(2); e.draw(1); e.draw(1, dtype=T.bfloat16)
e = S(2); e.draw(1); e.draw(2, dtype=T.int64)
e = S(2); e.draw(1); e.draw(2, dtype=T.complex64)
e = S(2); e.draw(2, dtype="a")
T.set_default_dtype(T.float64); e = S(3, True, 1); e.draw(1), e.draw(2), e.draw(2, dtype=T.float32), e._first_point
e = S(3, True, 1); T.set_default_dtype(T.float64); e.draw(2), e.draw(2), e._first_point
o = T.empty(0); p = S(2).draw(3, out=o); p is o, o
o = T.empty(5, 1); p = S(2).draw(3, out=o); p is o, o
o = T.empty(3, 2, dtype=T.float64); p = S(2).draw(3, out=o); p is o, o
o = T.empty(2, 3).t(); p = S(2, True, 1).draw(3, out=o); p is o, o
o = T.empty(0); S(2, True, 1).draw_base2(2, out=o, dtype=T.float64); o
S(2).draw(3, out="a")
S(0)
S(-1)
S(21202)
S("a")
S(None)
S()
S(2, False, 1, 2)
S(2, foo=1)
S(2, True, "a")
S(2, True, 1.5)
S(2, True, True)
S(2, True, 2**64)
S(2, True, -2**63 - 1)
S(2, False, "a").draw()
S(np.int64(3)).draw(2)
S(T.tensor(3)).draw(2)
S(2).draw(0)
S(2).draw(-1)
S(2).draw(1.5)
S(2).draw("a")
S(2).draw(None)
S(2).draw(True)
S(2).draw(np.int64(3))
e = S(2); e.draw(1); e.draw(T.tensor(3)), e.num_generated
e = S(2); e.draw(); e.draw(-1)
e = S(2); e.draw(); e.draw(1.5)
e = S(2); e.draw(); e.draw("a")
e = S(2); e.draw(); e.draw(None)
e = S(2); e.draw(); e.draw(True)
e = S(2); e.draw(); e.draw(0)
S(2).draw_base2(0)
S(2).draw_base2(-1)
S(2).draw_base2(1.5)
S(2).draw_base2("a")
e = S(2); e.draw(3); e.draw_base2(2)
e = S(2); e.draw(3); e.draw_base2(0), e.num_generated
S(2).fast_forward("a")
S(2).fast_forward(1.5)
S(2).fast_forward(None)
e = S(2); e.draw(); e.fast_forward(1.5)
e = S(2); e.draw(); e.fast_forward("a")
""".strip().split("\n")


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program: str) -> None:
    try:
        assert outcome(program, jtorch) == outcome(program, torch)
    finally:
        for T in BOTH:
            T.set_default_dtype(T.float32)


@pytest.mark.parametrize("dimension", [2.5, True])
def test_dimension(dimension: Any) -> None:
    """PyTorch's text is about a function that it calls itself."""
    for T in BOTH:
        with pytest.raises(TypeError):
            T.quasirandom.SobolEngine(dimension)


def test_the_end() -> None:
    """There are 2^30 points: PyTorch reads beyond its numbers after them, jtorch says so."""
    engine = jtorch.quasirandom.SobolEngine(2).fast_forward(2**30 - 2)
    last = engine.draw(2, dtype=jtorch.float64)
    assert ((last * 2**30) % 1 == 0).all() and engine.num_generated == 2**30
    with pytest.raises(ValueError, match="2\\*\\*30 points"):
        engine.draw()


def test_even() -> None:
    """Each coordinate of the first 2^m points falls once into each interval of 2^-m: what the sequence is for, also when scrambled."""
    for scramble in (False, True):
        points = jtorch.quasirandom.SobolEngine(50, scramble, seed=2).draw_base2(8)
        places = (points * 2**8).long().sort(0).values
        assert (places == jtorch.arange(2**8)[:, None]).all()
