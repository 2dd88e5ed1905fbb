"""Loaders with worker processes: PyTorch's batches, seeds and errors; and processes that end, whatever happens."""
from __future__ import annotations

import gc
import os
import random
import signal
import sys
import time
from collections import deque

import numpy as np
import pytest
import torch
from test_data import Squares, same, stream, tensors

import jtorch
from jtorch._core import immediate


class Calls:
    """A dataset of what a function gives."""

    def __init__(self, call, n: int = 8) -> None:
        self.call, self.n = call, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> object:
        return self.call(i)


@pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"batch_size": 3, "shuffle": True}, {"batch_size": None},
                                     {"batch_size": 2, "drop_last": True},
                                     {"batch_size": 2, "num_workers": 1}, {"batch_size": 2, "prefetch_factor": 5},
                                     {"multiprocessing_context": "fork"}], ids=str)
def test_workers(options):
    same(lambda lib: (list(lib.utils.data.DataLoader(tensors(lib), **{"num_workers": 2, **options})), lib.rand(2)))


def test_workers_with_closures_and_kinds_of_data():
    def sample(lib, i):
        half = lib.ones(2, dtype=lib.bfloat16)
        return {"x": lib.full((2, 3), float(i)), "name": f"n{i}", "array": np.arange(i, i + 2), "pair": (i, i / 2), "half": half}
    same(lambda lib: list(lib.utils.data.DataLoader(Calls(lambda i: sample(lib, i)), batch_size=3, num_workers=2)))
    same(lambda lib: list(lib.utils.data.DataLoader(Calls(lambda i: lib.ones(2, 3).t()), num_workers=1, batch_size=None)))
    same(lambda lib: list(lib.utils.data.DataLoader(Calls(lambda i: lib.ones(2, requires_grad=True)), num_workers=1, batch_size=None)))
    same(lambda lib: list(lib.utils.data.DataLoader(Calls(np.ones), num_workers=1, collate_fn=lambda batch: batch)))


def image(lib, i):
    """A made-up photograph of bytes."""
    return ((lib.arange(3 * 12 * 10) * (i + 7)) % 251).reshape(3, 12, 10).to(lib.uint8)


def normalized(lib, i):
    x = image(lib, i).float() / 255
    mean, std = lib.tensor([0.485, 0.456, 0.406]), lib.tensor([0.229, 0.224, 0.225])
    x = (x - mean[:, None, None]) / std[:, None, None]
    return x, x.mean(), x.sum(0), x.std((1, 2)), x.amax(-1), x.argmax(1), x.clamp(-1, 1), x.half(), x.bfloat16().float()


def augmented(lib, i):
    x = image(lib, i).float()
    if lib.rand(1) < 0.5:
        x = x.flip(-1)
    top, left = int(lib.randint(0, 5, ())), lib.randint(0, 3, (1,)).item()
    x = lib.nn.functional.pad(x, (2, 2, 2, 2))[:, top:top + 12, left:left + 10] * (0.8 + 0.4 * lib.rand(()))
    x = x + 0.1 * lib.randn_like(x)
    x[:, 2:4, lib.randperm(10)[:3]] = 0
    return x, lib.nn.functional.dropout(x, 0.5), lib.nn.functional.interpolate(x[None], size=(6, 5), mode="bilinear")[0]


def filtered(lib, i):
    x = image(lib, i).float()
    kernel = lib.exp(-lib.linspace(-1, 1, 3) ** 2)
    blurred = lib.nn.functional.conv2d(x, (kernel / kernel.sum()).expand(3, 1, 1, 3), groups=3, padding=(0, 1))
    angle = lib.tensor(0.1 * i)
    turn = lib.stack([lib.stack([angle.cos(), -angle.sin()]), lib.stack([angle.sin(), angle.cos()])])
    return blurred, lib.nn.functional.max_pool2d(x, 2), turn @ lib.ones(2, 5), lib.linalg.inv(turn), lib.fft.rfft(x[0]).abs()


def labelled(lib, i):
    scores = lib.tensor([0.3, 1.5, -2.0, 0.3]) * (i + 1)
    order = scores.argsort(descending=True, stable=True)
    ids = lib.cat([lib.arange(i + 1), lib.full((7 - i,), -1)])
    mask = ids >= 0
    return (lib.nn.functional.one_hot(order, 5), scores.softmax(0).cumsum(0), scores.topk(2).values, scores[order[:2]], scores.gather(0, order.flip(0)),
            scores.index_select(0, lib.tensor([2, 0])), lib.where(mask, ids, 100), ids[mask].sum(), mask.any(), scores.sort().values, lib.log1p(scores.abs()))


def in_place(lib, i):
    x = lib.zeros(3, 4)
    x[1] = i
    x[:, 2] += 1.5
    x[x > 1] *= 2
    x.t()[0].add_(1)
    y = x.clone().mul_(3).fill_diagonal_(0)
    assert float(y[1, 0]) == 3.0 * float(x[1, 0]) and "tensor" in repr(y) and bool((x + 1 > 0).all())
    return x, y, lib.tensor(y.sum().item()), lib.from_numpy(np.ones(3)) * i, lib.tensor(x.mul(2).numpy().sum())


def trained(lib, i):
    w = lib.ones(3, requires_grad=True)
    (w * lib.arange(3.0)).pow(2).sum().backward()
    return w.grad * (i + 1), (w * 2).detach()


@pytest.mark.parametrize("sample", [normalized, augmented, filtered, labelled, in_place, trained])
def test_workers_compute(sample):
    """Forked workers have none of XLA's threads, but compute as PyTorch's do, with the same random numbers."""
    def made(lib):
        lib.manual_seed(3)
        return list(lib.utils.data.DataLoader(Calls(lambda i: sample(lib, i), 6), num_workers=2, batch_size=2, timeout=60))
    (jtorch.ones(2) * 3).sum().item()                        # XLA runs before the fork
    for ours, theirs in zip(made(jtorch), made(torch), strict=True):
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert (str(a.dtype), tuple(a.shape)) == (str(b.dtype), tuple(b.shape)), k
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-5, err_msg=str(k))


def test_workers_say_what_they_cannot_compute():
    with pytest.raises(RuntimeError, match="a forked process .* cannot compute digamma: .* NumPy has nothing for JAX's 'digamma'"):
        list(jtorch.utils.data.DataLoader(Calls(lambda i: jtorch.ones(2).digamma()), num_workers=1, timeout=60))


@pytest.mark.parametrize("sample", [lambda x, i: x[i], lambda x, i: x[i].t(), lambda x, i: x[i, 1:].reshape(-1)])
def test_workers_on_computed_tensors(sample):
    """What was computed before the fork can be read, indexed and reshaped in a worker."""
    def made(lib):
        x = (lib.arange(48.0).view(8, 2, 3) * 0.5).sin()
        return list(lib.utils.data.DataLoader(Calls(lambda i: sample(x, i)), num_workers=1, batch_size=4, timeout=15))
    expected, found = made(torch), made(jtorch)
    assert [batch.shape for batch in found] == [batch.shape for batch in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)


def test_large_batches_are_writable_and_do_not_block():
    loader = jtorch.utils.data.DataLoader(Calls(lambda i: np.full((300, 1000), i, "f4"), 12), batch_size=2, num_workers=2, prefetch_factor=3)
    for i, batch in enumerate(loader):
        assert batch.shape == (2, 300, 1000) and batch[1, -1, -1].item() == 2 * i + 1
        batch += 1
        assert batch[0, 0, 0].item() == 2 * i + 1
    many = jtorch.utils.data.DataLoader(range(400_000), batch_size=100_000, num_workers=1)   # requests larger than a pipe holds
    assert [batch[-1].item() for batch in many] == [99_999, 199_999, 299_999, 399_999]


def numbered(size, n=40):
    """Large samples that say which they are."""
    return Calls(lambda i: jtorch.full((size(i) if callable(size) else size,), float(i)), n)


@pytest.mark.parametrize("keep", [1, 5, 100])
@pytest.mark.parametrize("size", [70_000, lambda i: 70_000 + 1000 * (i * 7 % 13)], ids=["same", "other sizes"])
def test_memory_is_written_again_only_when_nothing_looks_at_it(size, keep):
    kept = deque(maxlen=keep)
    for i, batch in enumerate(jtorch.utils.data.DataLoader(numbered(size), 1, num_workers=2)):
        kept.append(batch[0, 10:])                           # a view
        assert [x[-1].item() for x in kept] == [*range(max(0, i - keep + 1), i + 1)]
        assert all(bool((x == x[0]).all()) for x in kept)


def test_batches_take_the_same_memory_again():
    loader = jtorch.utils.data.DataLoader(numbered(70_000), 1, num_workers=1)
    assert len({batch.data_ptr() for batch in loader}) <= 5


@pytest.mark.filterwarnings("ignore:os.fork")
def test_a_forked_process_keeps_the_batches_that_it_looks_at():
    batches = iter(jtorch.utils.data.DataLoader(numbered(70_000), 1, num_workers=1))
    first = next(batches)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read, 1)                                     # until the others have been written
        os._exit(0 if first.numpy().max() == 0 else 1)
    del first
    assert [int(batch[0, 0].item()) for batch in batches] == [*range(1, 40)]
    os.write(write, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("keep", [2, 100])
def test_batches_that_a_worker_keeps_and_sends_again(keep):
    kept, older = deque(maxlen=keep), deque(maxlen=5)

    def collate(batch):
        kept.append(jtorch.utils.data.default_collate(batch))
        return kept[-1], kept[0], kept[-1], [x[0, -1].item() for x in kept]
    for i, (new, old, again, numbers) in enumerate(jtorch.utils.data.DataLoader(numbered(70_000), 1, num_workers=1, collate_fn=collate)):
        assert new[0, -1].item() == again[0, 0].item() == i and numbers == [*range(max(0, i + 1 - keep), i + 1)]
        older.append((old, numbers[0]))
        assert all(x[0, -1].item() == number for x, number in older)


@pytest.mark.parametrize("persistent", [False, True])
def test_seeds_of_workers(persistent):
    def drawn(lib):
        def sample(i):
            info = lib.utils.data.get_worker_info()
            return lib.initial_seed(), random.random(), np.random.rand(), lib.rand(()).item(), info.id, info.num_workers, info.seed
        loader = lib.utils.data.DataLoader(Calls(sample, 4), num_workers=2, persistent_workers=persistent, collate_fn=list)
        return list(loader), list(loader), lib.rand(2), lib.utils.data.get_worker_info()
    same(drawn)


def test_worker_init():
    def init(worker):
        os.environ["WORKER"] = str(worker)
    same(lambda lib: list(lib.utils.data.DataLoader(Calls(lambda i: int(os.environ["WORKER"])), num_workers=2, worker_init_fn=init)))
    assert "WORKER" not in os.environ


@pytest.mark.parametrize("options", [{"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}, {"num_workers": 1}], ids=str)
@pytest.mark.parametrize("length", [None, 3])
def test_streams_with_workers(options, length):
    def made(lib):
        loader = lib.utils.data.DataLoader(stream(lib, 3, length), **{"num_workers": 2, **options})
        return len(loader) if length else None, list(loader), list(loader)
    same(made)


def test_persistent_workers():
    def made(lib):
        loader = lib.utils.data.DataLoader(Squares(), num_workers=2, persistent_workers=True)
        next(iter(loader))
        return list(loader), list(loader), iter(loader) is iter(loader)
    same(made)
    loader = jtorch.utils.data.DataLoader(Calls(lambda i: os.getpid()), num_workers=2, persistent_workers=True, collate_fn=list)
    assert {pid for batch in loader for pid in batch} == {pid for batch in loader for pid in batch}
    same(lambda lib: (lambda loader: [list(loader), list(loader)])(lib.utils.data.DataLoader(stream(lib), num_workers=2, persistent_workers=True)))


def test_out_of_order():
    def sample(i):
        time.sleep(0.4 if i == 0 else 0)
        return i
    loader = jtorch.utils.data.DataLoader(Calls(sample, 6), num_workers=2, in_order=False)
    found = [batch.item() for batch in loader]
    assert sorted(found) == list(range(6)) and found[0] != 0


class Odd(Exception):
    """Cannot be made of a message."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)


def failing(kind, *arguments):
    def sample(i):
        if i == 3:
            raise kind(*arguments)
        return i
    return sample


@pytest.mark.parametrize("sample", [failing(ValueError, "bad"), failing(KeyError, "k"), failing(Odd, 1, 2),
                                    failing(FileNotFoundError, 2, "no", "file"), failing(StopIteration)])
def test_errors_in_workers(sample):
    def first_lines(lib):
        expected = []
        iterator = iter(lib.utils.data.DataLoader(Calls(sample), num_workers=2))
        while True:
            try:
                expected.append(next(iterator).tolist())
            except StopIteration:
                return expected
            except Exception as error:                       # the class and the first and last lines are compared; between are file names
                lines = str(error).strip().split("\n")
                expected.append((type(error).__name__, lines[0], lines[1], lines[-1]))
    same(first_lines)


def test_errors_at_the_start_of_workers():
    def init(worker):
        raise RuntimeError("init")
    for options in ({"worker_init_fn": init}, {"collate_fn": lambda batch: lambda: 1}):
        with pytest.raises((RuntimeError, AttributeError), match="Caught .* in DataLoader worker process 0"):
            list(jtorch.utils.data.DataLoader(Squares(), num_workers=1, **options))
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor which requires_grad"):
        x = jtorch.ones(1, requires_grad=True).view(1)
        list(jtorch.utils.data.DataLoader(Calls(lambda i: x), num_workers=1, batch_size=None))
    with pytest.raises(RuntimeError, match=r"stack\(\): functions with out=... arguments don't support automatic differentiation"):
        list(jtorch.utils.data.DataLoader(Calls(lambda i: jtorch.ones(1, requires_grad=True)), num_workers=1))


def stopped(how):
    def sample(i):
        if i == 3:
            how()
        return i
    return sample


@pytest.mark.parametrize("how,cause", [(lambda: os.kill(os.getpid(), signal.SIGKILL), "is killed by signal: Killed"),
                                       (lambda: os._exit(7), "exited unexpectedly with exit code 7"), (lambda: sys.exit(3), "with exit code 3")])
def test_workers_that_die(how, cause):
    gc.collect()                                             # PyTorch's iterators of earlier tests take their time to end
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly") as caught:
        list(jtorch.utils.data.DataLoader(Calls(stopped(how)), num_workers=2))
    assert cause in str(caught.value.__cause__) and time.monotonic() - begun < 4


@pytest.mark.parametrize("workers", [0, 1])
def test_copies_of_a_buffer_that_is_used_again(workers):
    def sample(lib, i, buffer):
        buffer[:] = i
        x = lib.from_numpy(buffer)
        return x.clone(), x.t().reshape(-1), x.float(), x * 1, x.contiguous().clone().t(), lib.cat([x])
    same(lambda lib: list(lib.utils.data.DataLoader(Calls(lambda i, b=np.zeros((2, 3), np.float32): sample(lib, i, b), 4), 4, num_workers=workers)))


def test_what_numpy_cannot_compute_runs_in_the_main_process():
    found, = jtorch.utils.data.DataLoader(Calls(lambda i: (jtorch.ones(2) * 2 + i).lgamma(), 4), batch_size=4)
    np.testing.assert_array_equal(found[:, 0].numpy(), jtorch.arange(2.0, 6).lgamma().numpy())


def test_a_large_batch_that_requires_grad():
    def collate(lib, batch):
        return lib.utils.data.default_collate(batch).requires_grad_()
    same(lambda lib: [(x.requires_grad, x) for x in lib.utils.data.DataLoader(
        Calls(lambda i: lib.full((300, 300), float(i)), 2), 2, num_workers=1, collate_fn=lambda batch: collate(lib, batch))])


def test_batches_that_a_worker_keeps_take_few_descriptors():
    kept = []

    def collate(batch):
        kept.append(jtorch.utils.data.default_collate(batch))
        return kept[-1], len(os.listdir("/proc/self/fd"))
    found = list(jtorch.utils.data.DataLoader(Calls(lambda i: jtorch.zeros(70_000), 90), 1, num_workers=1, collate_fn=collate))
    assert found[-1][1] == found[-10][1] < found[0][1] + 80


def test_numbers_that_vary_need_no_new_program():
    """The first at a line is part of the program, as elsewhere; from the second on numbers are its inputs."""
    def sample(i):
        return (jtorch.arange(4.0) * (i / 7)).sum().item(), len(immediate.KNOWN)
    found = list(jtorch.utils.data.DataLoader(Calls(sample, 40), num_workers=1, batch_size=None))
    assert [value for value, _ in found] == pytest.approx([6 * i / 7 for i in range(40)])
    assert found[1][1] == found[-1][1] <= found[0][1] + 2


def test_persistent_workers_start_again_after_a_death():
    flag = {"die": True}
    loader = jtorch.utils.data.DataLoader(Calls(lambda i: os._exit(1) if flag["die"] else i), num_workers=1, persistent_workers=True)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(loader)
    flag["die"] = False
    assert len(list(loader)) == 8


def test_timeout():
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.3 seconds"):
        list(jtorch.utils.data.DataLoader(Calls(lambda i: time.sleep(1)), num_workers=1, timeout=0.3))


def test_nothing_is_left_behind():
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))
    data = jtorch.utils.data
    list(data.DataLoader(tensors(jtorch), num_workers=2))
    before = files()
    for _ in range(3):
        for _ in data.DataLoader(tensors(jtorch), num_workers=2):
            break                                            # in the middle of an epoch
        list(data.DataLoader(Calls(lambda i: np.zeros(200_000)), num_workers=1))
        iterator = iter(data.DataLoader(tensors(jtorch), num_workers=1))
        processes = iterator._workers
        del iterator
        assert all(process.exitcode is not None for process in processes)
        del processes                                        # which hold descriptors
    assert files() <= before
