"""Shared memory against PyTorch: random programs of views, writes, reads and gradients, run with both."""
from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch as reference

import jtorch

Tensor = Any
Action = Callable[[ModuleType, Tensor, random.Random], Any]
ROOT = Path(__file__).parent.parent


# Views of a tensor: each takes a tensor that it fits, or raises in both frameworks alike

def dim(x: Tensor, r: random.Random) -> int:
    return r.randrange(-x.dim(), x.dim()) if x.dim() else 0


def part(x: Tensor, r: random.Random) -> tuple[int, int, int]:
    d = dim(x, r)
    n = x.shape[d]
    start = r.randrange(n) if n else 0
    return d, start, r.randint(0 if r.random() < 0.1 else 1, n - start) if n else 0


def order(x: Tensor, r: random.Random) -> list[int]:
    dims = list(range(x.dim()))
    r.shuffle(dims)
    return dims


def factors(x: Tensor, r: random.Random) -> list[int]:
    n = x.numel()
    a = r.choice([d for d in range(1, n + 1) if n % d == 0]) if n else 0
    return [a, n // a if a else 3]


def slices(x: Tensor, r: random.Random) -> Any:
    items: list = []
    for n in x.shape[:r.randint(0, x.dim())]:
        kind = r.randrange(5)
        if kind == 0 and n:
            items.append(r.randrange(-n, n))
        elif kind == 1:
            items.append(None)
        else:
            items.append(slice(r.choice([None, 0, 1, -2]), r.choice([None, n, -1, 100]), r.choice([None, 1, 2, 3])))
    if r.random() < 0.3:
        items.insert(r.randrange(len(items) + 1), Ellipsis)
    return tuple(items) if len(items) != 1 or r.random() < 0.5 else items[0]


VIEWS: dict[str, Action] = {
    "t": lambda torch, x, r: x.t(),
    "T": lambda torch, x, r: x.T if x.dim() == 2 else x.mT,
    "transpose": lambda torch, x, r: x.transpose(dim(x, r), dim(x, r)),
    "permute": lambda torch, x, r: x.permute(order(x, r)),
    "movedim": lambda torch, x, r: x.movedim(dim(x, r), dim(x, r)),
    "narrow": lambda torch, x, r: x.narrow(*part(x, r)),
    "select": lambda torch, x, r: x.select(dim(x, r), r.choice([0, -1])),
    "index": lambda torch, x, r: x[slices(x, r)],
    "view": lambda torch, x, r: x.view(factors(x, r)),
    "view(-1)": lambda torch, x, r: x.view(-1),
    "reshape": lambda torch, x, r: x.reshape(factors(x, r)),
    "flatten": lambda torch, x, r: x.flatten(),
    "unflatten": lambda torch, x, r: x.unflatten(0, (-1, 2)),
    "squeeze": lambda torch, x, r: x.squeeze(),
    "squeeze(d)": lambda torch, x, r: x.squeeze(dim(x, r)),
    "unsqueeze": lambda torch, x, r: x.unsqueeze(r.randrange(-x.dim() - 1, x.dim() + 1)),
    "diagonal": lambda torch, x, r: x.diagonal(r.choice([-1, 0, 1]), dim(x, r), dim(x, r)),
    "chunk": lambda torch, x, r: r.choice(x.detach().chunk(r.randint(1, 3), dim(x, r))),   # detached: PyTorch forbids writes to these in grad mode
    "split": lambda torch, x, r: r.choice(x.detach().split(r.randint(1, 3), dim(x, r))),
    "split sizes": lambda torch, x, r: x.detach().split([1, x.shape[0] - 1])[r.randrange(2)],
    "unbind": lambda torch, x, r: r.choice(x.detach().unbind(dim(x, r))),
    "for row in x": lambda torch, x, r: r.choice(list(x.detach())),
    "expand": lambda torch, x, r: x.expand(2, *x.shape),
    "expand_as": lambda torch, x, r: x.unsqueeze(-1).expand(*x.shape, r.choice([1, 2])),
    "unfold": lambda torch, x, r: x.unfold(dim(x, r), 2, r.choice([1, 2])),
    "as_strided": lambda torch, x, r: x.as_strided((2, 3), (3, 1), r.choice([0, 1, 4])),
    "detach": lambda torch, x, r: x.detach(),
    "data": lambda torch, x, r: x.data,
    "alias": lambda torch, x, r: x[...],
    "view_as": lambda torch, x, r: x.view_as(x),
}
NEW: dict[str, Action] = {
    "linear": lambda torch, x, r: (x * 2 + 1).contiguous(),   # PyTorch's results may lie transposed like their operands; jtorch's never do
    "contiguous": lambda torch, x, r: x.contiguous(),
    "clone": lambda torch, x, r: x.clone(memory_format=torch.contiguous_format),
    "mask": lambda torch, x, r: x[x.detach() > 0.3],
    "indices": lambda torch, x, r: x[torch.tensor([0, -1, 0])].contiguous(),
    "mixed indices": lambda torch, x, r: x[:, [0, 1]].contiguous(),
    "cat": lambda torch, x, r: torch.cat([x, x]),
}


def constant(torch: ModuleType, x: Tensor, r: random.Random, shape: Any = None) -> Tensor:
    shape = tuple(x.shape) if shape is None else shape
    return torch.tensor(np.asarray(np.random.RandomState(r.randrange(1000)).randn(*shape)).astype("float32"))


def set_item(x: Tensor, index: Any, value: Any) -> Tensor:
    x[index] = value
    return x


WRITES: dict[str, Action] = {
    "mul_": lambda torch, x, r: x.mul_(r.choice([0.5, 2.0, -1.0])),
    "add_": lambda torch, x, r: x.add_(float(r.randint(1, 3))),
    "+=": lambda torch, x, r: x.__iadd__(constant(torch, x, r)),
    "-= broadcast": lambda torch, x, r: x.__isub__(constant(torch, x, r, tuple(x.shape[-1:]))),
    "+= too big": lambda torch, x, r: x.add_(constant(torch, x, r, (2, *x.shape))),
    "fill_": lambda torch, x, r: x.fill_(1.5),
    "zero_": lambda torch, x, r: x.zero_(),
    "copy_": lambda torch, x, r: x.copy_(constant(torch, x, r)),
    "copy_ scalar": lambda torch, x, r: x.copy_(torch.tensor(0.75)),
    "copy_ with history": lambda torch, x, r: x.copy_((constant(torch, x, r).requires_grad_() * 2)),
    "x[i] =": lambda torch, x, r: set_item(x, r.choice([0, -1]), r.choice([0.25, 3.0])),
    "x[slices] =": lambda torch, x, r: set_item(x, slices(x, r), r.choice([0.25, 3.0])),
    "x[slices] = tensor": lambda torch, x, r: set_item(x, slice(1, None), constant(torch, x, r, tuple(x.shape[1:]))),
    "x[mask] =": lambda torch, x, r: set_item(x, x.detach() > 0.3, -0.5),
    "x[indices] =": lambda torch, x, r: set_item(x, torch.tensor([0, -1]), r.choice([2.0, 4.0])),
    "x[:, indices] =": lambda torch, x, r: set_item(x, (slice(None), [1, 0]), 0.125),
    "masked_fill_": lambda torch, x, r: x.masked_fill_(x.detach() > 0, 0.5),
    "clamp_": lambda torch, x, r: x.clamp_(-1, 1),
    "out=": lambda torch, x, r: torch.add(constant(torch, x, r), 1, out=x),
    "out= bigger": lambda torch, x, r: torch.add(constant(torch, x, r, (2, 2)), 1, out=x) if tuple(x.shape) == (2, 2) else None,
    "t_ of new": lambda torch, x, r: (x * 1).contiguous().t_().mul_(2) if x.dim() == 2 else None,
    "unsqueeze_ of new": lambda torch, x, r: (x * 1).unsqueeze_(0).add_(2),
}


SEVERAL = "chunk", "split", "split sizes", "unbind", "for row in x"
BARRED = "x[mask] =", "x[indices] =", "x[:, indices] =", "masked_fill_", "fill_", "zero_"   # for expanded tensors: PyTorch warns, or fails in backward


class Program:
    """One random program.  `seen` is what it observed, `steps` what it did."""

    def __init__(self, torch: ModuleType, seed: int) -> None:
        self.torch, self.random, self.seen, self.steps = torch, random.Random(seed), [], []
        r, numbers = self.random, np.random.RandomState(seed)
        shape = r.choice([(4, 6), (4, 6), (2, 3, 4), (24,), (2, 2)])
        self.leaf = torch.tensor(numbers.randn(*shape).astype("float32"), requires_grad=True)
        base = torch.tensor(numbers.randn(*shape).astype("float32"))
        self.pool = [r.choice([lambda: base, lambda: self.leaf * 1.5, lambda: self.leaf * 1.5])()]
        self.wild = {id(x): False for x in self.pool}        # tensors that may see an element twice: writes to them have no defined result
        self.part = {id(x): False for x in self.pool}         # views of one of several parts: PyTorch refuses to write a history there
        if r.random() < 0.3:
            self.add(self.leaf.view(-1) if r.random() < 0.5 else self.leaf.transpose(0, -1), False)
        self.arrays: list[np.ndarray] = []

    def add(self, x: Tensor, wild: bool, part: bool = False) -> None:
        if x.numel() <= 150 and x.dim() <= 4 and x.dtype == self.torch.float32:
            self.pool.append(x)
            self.wild[id(x)], self.part[id(x)] = wild, part

    def run(self, length: int) -> Program:
        kinds = [self.view] * 10 + [self.new] * 2 + [self.write] * 9 + [self.read, self.no_grad, self.no_grad, self.data, self.share, self.share_back,
                                                                       self.array_write, self.backward, self.drop]
        for _ in range(length):
            kind, x = self.random.choice(kinds), self.random.choice(self.pool)
            try:
                kind(x)
            except (RuntimeError, IndexError, ValueError, TypeError) as error:
                self.seen.append(type(error).__name__)
                self.steps.append(str(error).partition("\n")[0])
        self.end()
        return self

    def pick(self, table: dict[str, Action], x: Tensor) -> Any:
        name = self.random.choice(list(table))
        at = next(k for k, p in enumerate(self.pool) if p is x)
        self.steps.append(f"{name} [{at}] {tuple(x.shape)}{'' if self.torch.is_grad_enabled() else ' no_grad'}")
        return name, table[name](self.torch, x, self.random)

    def view(self, x: Tensor) -> None:
        table = {k: f for k, f in VIEWS.items() if k != "as_strided"} if self.wild[id(x)] else VIEWS   # its gradient would be an average there
        name, out = self.pick(table, x)
        self.add(out, self.wild[id(x)] or name in ("unfold", "as_strided"), self.part[id(x)] or name in SEVERAL)

    def new(self, x: Tensor) -> None:
        self.add(self.pick(NEW, x)[1], False)

    def write(self, x: Tensor) -> None:
        if not self.wild[id(x)]:
            expanded = any(s == 0 and n > 1 for s, n in zip(x.stride(), x.shape))
            barred = (*(BARRED if expanded else ()), *(("copy_ with history",) if self.part[id(x)] else ()))
            self.pick({k: f for k, f in WRITES.items() if k not in barred}, x)

    def no_grad(self, x: Tensor) -> None:
        with self.torch.no_grad():
            self.write(x)

    def data(self, x: Tensor) -> None:
        if not self.wild[id(x)]:
            self.steps.append("write to .data")
            x.data.mul_(0.5)

    def read(self, x: Tensor) -> None:
        self.steps.append("read")
        self.seen.append(x.sum().item())

    def drop(self, x: Tensor) -> None:
        if len(self.pool) > 2:
            self.steps.append("drop")
            self.pool = [p for p in self.pool if p is not x]

    def share(self, x: Tensor) -> None:
        self.steps.append("numpy()")
        self.arrays.append(x.detach().numpy())

    def share_back(self, x: Tensor) -> None:
        if self.arrays:
            self.steps.append("from_numpy")
            self.add(self.torch.from_numpy(self.random.choice(self.arrays)), True)

    def array_write(self, x: Tensor) -> None:
        if self.arrays:
            self.steps.append("write to array")
            array = self.random.choice(self.arrays)
            if array.flags.writeable:
                array[...] = np.float32(self.random.choice([0.5, 2.0]))

    def backward(self, x: Tensor) -> None:
        self.steps.append("backward")
        (x * 3).sum().backward(retain_graph=self.random.random() < 0.5)

    def end(self) -> None:
        parts = [(x * x).sum() for x in self.pool if x.requires_grad]
        if parts:
            try:
                sum(parts).backward()
            except RuntimeError as error:
                self.seen.append(type(error).__name__)
                self.steps.append(str(error))
        self.seen.append(None if self.leaf.grad is None else self.leaf.grad.detach().numpy().copy())
        for x in self.pool:
            stride = [s for s, n in zip(x.stride(), x.shape) if n != 1 or not self.arrays]   # NumPy's own for dimensions of size 1
            self.seen += [x.detach().numpy().copy(), stride, x.storage_offset(), x.is_contiguous(), x.requires_grad, x.is_leaf, x._version]
        self.seen += [a.copy() for a in self.arrays]


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and bool(np.allclose(a, b, 1e-4, 1e-4, equal_nan=True))
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, 1e-3, 1e-3, equal_nan=True))
    return type(a) is type(b) and a == b


def check(seed: int, length: int) -> None:
    a = Program(reference, seed).run(length)
    if any(s.startswith("a leaf Variable") for s in a.steps):
        return                                               # PyTorch took a view for a leaf, after its base had got a history
    b = Program(jtorch, seed).run(length)
    wrong = [(x, y) for x, y in zip(a.seen, b.seen, strict=False) if not equal(x, y)]
    assert not wrong and len(a.seen) == len(b.seen), f"seed {seed}: {wrong[:2]} {[s for s in b.seen if isinstance(s, str)]}\n" + "\n".join(f"{x}   |   {y}" for x, y in zip(a.steps, b.steps))


@pytest.mark.parametrize("start", range(0, 160, 20))
def test_random_programs(start: int) -> None:
    for seed in range(start, start + 20):
        check(seed, random.Random(seed).randint(4, 16))


def test_random_programs_run_at_once() -> None:
    """The same with every operation run when it is recorded."""
    done = subprocess.run([sys.executable, __file__, "1000", "1060"], env={**os.environ, "JTORCH_EAGER": "1", "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]


if __name__ == "__main__":
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        check(seed, random.Random(seed).randint(4, 16))
