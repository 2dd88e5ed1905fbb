"""Datasets, samplers and loaders against PyTorch's: the same batches in the same order, the same errors, and workers that end well."""
from __future__ import annotations

import collections
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

import jtorch

LIBS = torch, jtorch


def plain(value):
    """A value with its tensors and the libraries' own objects as comparable data."""
    if hasattr(value, "requires_grad"):
        return "Tensor", str(value.dtype), tuple(value.shape), tuple(value.stride()), value.requires_grad, value.tolist()
    if isinstance(value, Mapping):
        return type(value).__name__, [(k, plain(value[k])) for k in value]
    if isinstance(value, tuple | list | set):
        return type(value).__name__, [plain(v) for v in value]
    return (type(value).__name__, str(value)) if isinstance(value, np.ndarray) else value


def outcome(make, lib) -> tuple:
    """What `make(lib)` gives, or its error; and its warnings."""
    lib.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = plain(make(lib))
        except Exception as error:                           # whatever PyTorch raises, jtorch is to raise too
            result = type(error).__name__, str(error)
    return result, [(w.category.__name__, str(w.message)) for w in caught if "os.fork() was called" not in str(w.message)]   # JAX's, in PyTorch


def same(make) -> None:
    expected, found = outcome(make, torch), outcome(make, jtorch)
    assert found == expected


class Squares:
    """A dataset of numbers, without a base class."""

    def __init__(self, n: int = 7) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> int:
        return i * i


class Batched(Squares):
    """A dataset that gives whole batches."""

    def __getitems__(self, indices: list) -> list:
        return [-i for i in indices]


class Short(Squares):
    """A dataset that loses samples."""

    def __getitems__(self, indices: list) -> list:
        return [1]


def stream(lib, n: int = 5, length: int | None = None):
    """An iterable dataset, which workers share."""
    class Stream(lib.utils.data.IterableDataset):
        def __iter__(self):
            worker = lib.utils.data.get_worker_info()
            return iter(range(n)) if worker is None else iter(range(worker.id * 10, worker.id * 10 + n + worker.id))

        def __repr__(self) -> str:
            return "stream"
    if length is not None:
        Stream.__len__ = lambda self: length
    return Stream()


def tensors(lib, n: int = 10):
    return lib.utils.data.TensorDataset(lib.arange(2.0 * n).view(n, 2), lib.arange(n), lib.tensor([i % 2 == 0 for i in range(n)]))


class Named(collections.namedtuple("Named", "x y")):
    """A named tuple."""


class Strings(dict):
    """A dict of one's own."""


class Numbers(list):
    """A list of one's own."""


class Frozen(Mapping):
    """A mapping that cannot be written to."""

    def __init__(self, items: dict) -> None:
        self.items_ = items

    def __getitem__(self, key: object) -> object:
        return self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self) -> int:
        return len(self.items_)


class Row(Sequence):
    """A sequence that cannot be written to."""

    def __init__(self, items: list) -> None:
        self.items_ = list(items)

    def __getitem__(self, i: int) -> object:
        return self.items_[i]

    def __len__(self) -> int:
        return len(self.items_)


# Datasets

DATASETS = [
    lambda d: len(d.TensorDataset), lambda d: d.Dataset()[0], lambda d: len(d.Dataset()), lambda d: d.IterableDataset(),
    lambda d: (lambda c: (len(c), c[0], c[-1], c[8], c.cumulative_sizes))(d.ConcatDataset([Squares(2), Squares(7)])),
    lambda d: d.ConcatDataset([]), lambda d: d.ConcatDataset([Squares(2)])[-3], lambda d: d.ConcatDataset([Squares(2)])[2],
    lambda d: d.ConcatDataset([Squares(2)]).cummulative_sizes, lambda d: d.ConcatDataset(3),
    lambda d: (d.StackDataset(Squares(), Squares())[2], d.StackDataset(a=Squares(), b=Batched())[2], len(d.StackDataset(Squares()))),
    lambda d: (d.StackDataset(Squares(), Batched()).__getitems__([1, 2]), d.StackDataset(a=Squares()).__getitems__([1, 2])),
    lambda d: d.StackDataset(Short()).__getitems__([1, 2]), lambda d: d.StackDataset(), lambda d: d.StackDataset(Squares(), a=Squares()),
    lambda d: d.StackDataset(Squares(), Squares(3)), lambda d: d.StackDataset(a=Squares(), b=Squares(3)),
    lambda d: (d.Subset(Squares(), [4, 2])[1], d.Subset(Batched(), [4, 2]).__getitems__([1, 0]), len(d.Subset(Squares(), [4, 2]))),
    lambda d: d.Subset(Squares(), [4])[1], lambda d: list(d.ChainDataset([Squares()])), lambda d: len(d.ChainDataset([Squares()])),
    lambda d: [list(p.indices) for p in d.random_split(range(10), [3, 7])], lambda d: d.random_split(range(10), [3, 6]),
    lambda d: [list(p.indices) for p in d.random_split(range(10), [0.35, 0.35, 0.3])], lambda d: d.random_split(range(9), [0.5, 0.6]),
    lambda d: d.random_split(range(9), [1.5, -0.5]), lambda d: [len(p) for p in d.random_split(range(1), [0.5, 0.5])],
    lambda d: d.random_split(range(9), [0.3, 0.3])]


@pytest.mark.parametrize("make", DATASETS)
def test_datasets(make):
    same(lambda lib: make(lib.utils.data))


def test_tensor_dataset():
    same(lambda lib: (tensors(lib)[3], tensors(lib)[1:3], len(tensors(lib))))
    same(lambda lib: tensors(lib)[10])
    same(lambda lib: lib.utils.data.TensorDataset(lib.zeros(2), lib.zeros(3)))
    same(lambda lib: [list(p.indices) for p in lib.utils.data.random_split(range(9), [4, 5], generator=lib.Generator().manual_seed(3))])
    same(lambda lib: (list(stream(lib) + stream(lib)), len(lib.utils.data.ChainDataset([stream(lib, 3, 3)]))))
    same(lambda lib: lib.utils.data.ConcatDataset([stream(lib)]))


# Samplers

SAMPLERS = [
    lambda d, g: list(d.SequentialSampler(range(4))), lambda d, g: list(d.RandomSampler(range(9))),
    lambda d, g: list(d.RandomSampler(range(9), generator=g)),
    lambda d, g: list(d.RandomSampler(range(5), num_samples=12)), lambda d, g: list(d.RandomSampler(range(5), num_samples=10, generator=g)),
    lambda d, g: list(d.RandomSampler(range(50), replacement=True, num_samples=70)),
    lambda d, g: list(d.RandomSampler(range(9), replacement=True, num_samples=32, generator=g)),
    lambda d, g: len(d.RandomSampler(range(3), num_samples=8)),
    lambda d, g: d.RandomSampler(range(5), replacement=3), lambda d, g: d.RandomSampler(range(5), num_samples=0), lambda d, g: d.RandomSampler([]),
    lambda d, g: list(d.SubsetRandomSampler([3, 4, 5], generator=g)), lambda d, g: list(d.SubsetRandomSampler("abcde")),
    lambda d, g: list(d.WeightedRandomSampler([1, 2, 3.5], 20)), lambda d, g: list(d.WeightedRandomSampler([1, 2, 3.5], 3, False, g)),
    lambda d, g: d.WeightedRandomSampler([1, 2], 0), lambda d, g: d.WeightedRandomSampler([1, 2], True),
    lambda d, g: d.WeightedRandomSampler([[1, 2]], 2),
    lambda d, g: d.WeightedRandomSampler([1, 2], 3, 3), lambda d, g: list(d.BatchSampler(range(5), 2, False)),
    lambda d, g: list(d.BatchSampler(range(5), 2, True)), lambda d, g: [len(d.BatchSampler(range(5), 2, drop)) for drop in (False, True)],
    lambda d, g: d.BatchSampler(range(5), 0, False), lambda d, g: d.BatchSampler(range(5), 2.5, False),
    lambda d, g: d.BatchSampler(range(5), True, False),
    lambda d, g: d.BatchSampler(range(5), 2, 3), lambda d, g: iter(d.Sampler()), lambda d, g: len(d.Sampler()),
    lambda d, g: d.DistributedSampler(range(9), 2, 2), lambda d, g: d.DistributedSampler(range(9), 2, -1)]


@pytest.mark.parametrize("make", SAMPLERS)
def test_samplers(make):
    same(lambda lib: (make(lib.utils.data, lib.Generator().manual_seed(7)), lib.rand(2)))


@pytest.mark.parametrize("n", [1, 3, 10, 11, 12])
@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"seed": 3}, {"drop_last": True}, {"drop_last": True, "shuffle": False}], ids=str)
def test_distributed_sampler(n, options):
    def shares(lib):
        samplers = [lib.utils.data.DistributedSampler(range(n), 4, rank, **options) for rank in range(4)]
        return [(list(s), s.set_epoch(2), list(s), len(s), s.num_samples, s.total_size) for s in samplers]
    same(shares)


# Collating

COLLATED = [
    lambda lib: [1, 2], lambda lib: [1.0, 2.0], lambda lib: [True, False], lambda lib: [1, 2.5], lambda lib: ["a", "b"], lambda lib: [b"a"],
    lambda lib: [None], lambda lib: [np.float32(1), np.float32(2)], lambda lib: [np.int8(1)], lambda lib: [np.bool_(1)], lambda lib: [np.str_("a")],
    lambda lib: [np.zeros(2), np.ones(2)], lambda lib: [np.zeros(2, "f4"), np.ones(2)], lambda lib: [np.zeros((2, 3)).T, np.ones((3, 2))],
    lambda lib: [np.array("a")], lambda lib: [np.array([None])], lambda lib: [np.array(3)], lambda lib: [np.zeros(2, np.uint16)],
    lambda lib: [np.datetime64("2020")], lambda lib: [np.zeros((0, 2))], lambda lib: [np.zeros(2), np.zeros(3)],
    lambda lib: [(1, 2.0), (3, 4.0)], lambda lib: [[1, 2], [3, 4]], lambda lib: [[1, 2], [3]], lambda lib: [(1, 2), (3,)],
    lambda lib: [{"a": 1, "b": [1, 2]}, {"a": 2, "b": [3, 4]}], lambda lib: [{"a": 1}, {"b": 1}], lambda lib: [collections.OrderedDict(a=1)],
    lambda lib: [Named(1, 2), Named(3, 4)], lambda lib: [Numbers([1, 2]), Numbers([3, 4])], lambda lib: [Strings(a=1)],
    lambda lib: [Frozen({"a": 1})],
    lambda lib: [collections.defaultdict(int, a=1)], lambda lib: [range(2), range(2)], lambda lib: [{1, 2}], lambda lib: [1j], lambda lib: [(), ()],
    lambda lib: [{}], lambda lib: [], lambda lib: [lib.zeros(2), lib.ones(2)], lambda lib: [lib.zeros(2, 3).t(), lib.ones(3, 2)],
    lambda lib: [lib.zeros(2), lib.ones(3)], lambda lib: [lib.zeros(2), lib.ones(2, dtype=lib.int32)], lambda lib: [lib.tensor(1), lib.tensor(2)],
    lambda lib: [lib.zeros(2, requires_grad=True), lib.ones(2)], lambda lib: [lib.nn.Parameter(lib.zeros(1))],
    lambda lib: [lib.zeros(2, dtype=lib.bfloat16)] * 2, lambda lib: [lib.zeros(0, 2)] * 2, lambda lib: [lib.Size([1, 2])]]


@pytest.mark.parametrize("make", COLLATED)
def test_default_collate(make):
    same(lambda lib: lib.utils.data.default_collate(make(lib)))


@pytest.mark.parametrize("value", [1, 1.5, "a", None, np.float32(1), np.zeros(2), np.array("a"),
                                   (1, np.zeros(1)), [1, np.zeros(1)], {"a": np.zeros(1)},
                                   Named(1, np.zeros(1)), Numbers([1]), Frozen({"a": np.ones(1)}), range(2), b"a", np.bool_(1), {1}], ids=lambda v: type(v).__name__)
def test_default_convert(value):
    same(lambda lib: lib.utils.data.default_convert(value))


def test_collate_with_a_map():
    def made(lib):
        collate = lib.utils.data._utils.collate
        functions = {int: lambda batch, *, collate_fn_map: sum(batch), str: lambda batch, *, collate_fn_map: "".join(batch)}
        return collate.collate([[1, "a"], [2, "b"]], collate_fn_map=functions)
    same(made)
    assert type(jtorch.utils.data.default_collate([Row([1, 2])])) is Row


# Loaders in one process

OPTIONS = [
    {}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": 3, "shuffle": True}, {"batch_size": None},
    {"shuffle": False, "sampler": range(5)},
    {"batch_size": None, "shuffle": True}, {"sampler": [3, 1], "batch_size": 2}, {"batch_sampler": [[1], [2, 3]]},
    {"batch_size": 4, "collate_fn": list},
    {"num_workers": -1}, {"timeout": -1}, {"prefetch_factor": 2}, {"num_workers": 1, "prefetch_factor": -1}, {"persistent_workers": True},
    {"shuffle": True, "sampler": range(5)}, {"batch_sampler": [[1]], "batch_size": 2}, {"batch_sampler": [[1]], "shuffle": True},
    {"batch_sampler": [[1]], "drop_last": True}, {"batch_sampler": [[1]], "sampler": range(3)}, {"batch_size": None, "drop_last": True},
    {"batch_size": 0},
    {"batch_size": 1.5}, {"batch_size": True}, {"drop_last": 1}, {"pin_memory": True}, {"pin_memory": True, "pin_memory_device": "cuda"},
    {"multiprocessing_context": "fork"}, {"multiprocessing_context": "foo", "num_workers": 1}, {"multiprocessing_context": 3, "num_workers": 1},
    {"timeout": 1}, {"collate_fn": 3}, {"num_workers": "2"}, {"in_order": False}, {"sampler": np.array([2, 1])}, {"batch_sampler": [(1, 2)]}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(options):
    def made(lib):
        loader = lib.utils.data.DataLoader(Squares(), **options)
        names = [type(s).__name__ for s in (loader.sampler, loader.batch_sampler)]
        return list(loader), len(loader), names, loader.batch_size, loader.drop_last, loader.prefetch_factor, lib.rand(2)
    same(made)


@pytest.mark.parametrize("options", [{}, {"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}, {"shuffle": True},
                                     {"shuffle": False},
                                     {"sampler": range(3)}, {"batch_sampler": [[1]]}], ids=str)
def test_streams(options):
    same(lambda lib: list(lib.utils.data.DataLoader(stream(lib), **options)))
    same(lambda lib: len(lib.utils.data.DataLoader(stream(lib), **options)))
    same(lambda lib: (lambda loader: (len(loader), list(loader)))(lib.utils.data.DataLoader(stream(lib, 5, 3), **options)))


def test_random_streams_across_epochs():
    def drawn(lib, generator):
        data, numbers = lib.utils.data, []
        loader = data.DataLoader(Squares(), batch_size=3, shuffle=True, generator=generator)
        for _ in range(3):
            numbers += [list(loader), lib.rand(2)]
        return numbers, list(data.DataLoader(Squares(), sampler=data.WeightedRandomSampler([1.0] * 7, 9))), lib.rand(1)
    same(lambda lib: drawn(lib, None))
    same(lambda lib: drawn(lib, lib.Generator().manual_seed(5)))


class Eager:
    """A sampler that draws as soon as it is asked for an iterator."""

    def __init__(self, lib) -> None:
        self.lib = lib

    def __iter__(self):
        return iter([[int(self.lib.randint(7, ()))] for _ in range(3)])


def test_draws_of_eager_samplers():
    same(lambda lib: (list(lib.utils.data.DataLoader(Squares(), batch_sampler=Eager(lib))), lib.rand(2)))
    same(lambda lib: (list(lib.utils.data.DataLoader(Squares(), batch_sampler=Eager(lib), num_workers=1)), lib.rand(2)))


@pytest.mark.parametrize("name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers", "num_workers"])
def test_fixed_attributes(name):
    same(lambda lib: setattr(lib.utils.data.DataLoader(Squares()), name, 3))


ROWS = [[0, 1, 2], [9, 0, 9], [-1, 3], [10], [-11], [], (0, 1), [0.5], [True, False], [slice(0, 2)], range(3), [np.int64(3), np.int64(4)]]


@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_gathered_batches(rows):
    """Whole batches of tensors are gathered at once: the result, or the error, is that of single samples."""
    same(lambda lib: list(lib.utils.data.DataLoader(tensors(lib), batch_sampler=[rows])))
    same(lambda lib: list(lib.utils.data.DataLoader(lib.utils.data.Subset(tensors(lib), [5, 3, 9, 0, 1, 2, 4, 6, 7, 8]), batch_sampler=[rows])))


def test_gathered_from_other_tensors():
    data = lambda lib: lib.utils.data                        # noqa: E731
    same(lambda lib: list(data(lib).DataLoader(data(lib).TensorDataset(lib.arange(12.0).view(3, 4).t()), batch_size=3)))
    same(lambda lib: list(data(lib).DataLoader(data(lib).TensorDataset(lib.zeros(4, 2, dtype=lib.bfloat16)), batch_size=3)))
    same(lambda lib: list(data(lib).DataLoader(data(lib).TensorDataset(lib.zeros(4, 2, requires_grad=True)), batch_size=3)))
    same(lambda lib: list(data(lib).DataLoader(data(lib).TensorDataset(lib.zeros(4, 0)), batch_size=3)))
    same(lambda lib: [list(data(lib).DataLoader(part, batch_size=3, shuffle=True)) for part in data(lib).random_split(tensors(lib), [4, 6])])
    for lib in LIBS:                                         # a batch is a copy
        dataset = tensors(lib)
        batch = next(iter(data(lib).DataLoader(dataset, batch_size=10)))
        batch[0][0, 0] = 99
        dataset.tensors[1][0] = 77
        assert dataset[0][0][0].item() == 0 and next(iter(data(lib).DataLoader(dataset)))[1].item() == 77


class Doubled(jtorch.utils.data.TensorDataset):
    """What a subclass says goes, not the gathering of its base."""

    def __getitem__(self, i: int) -> int:
        return 2 * i


def test_subclass_is_not_gathered():
    assert next(iter(jtorch.utils.data.DataLoader(Doubled(jtorch.zeros(5)), batch_size=5))).tolist() == [0, 2, 4, 6, 8]


def test_iterators_cannot_be_pickled():
    same(lambda lib: iter(lib.utils.data.DataLoader(Squares())).__getstate__())
    same(lambda lib: len(iter(lib.utils.data.DataLoader(Squares(), batch_size=2))))
