"""Files: jtorch's and PyTorch's, each read by the other, and files that lie."""
from __future__ import annotations

import collections
import importlib
import inspect
import io
import os
import pickle
import stat
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import jtorch
from jtorch.serialization import archive

sys.path.append(str(Path(__file__).parent / "conformance"))
import fuzz  # noqa: E402

BOTH = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
DTYPES = ("float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128 uint16 uint32 uint64 float8_e4m3fn "
          "float8_e5m2").split()


class Plain:
    """A class that no file may mention by default."""

    def __init__(self) -> None:
        self.x = 1


class Evil:
    """Runs a program when it is unpickled."""

    def __init__(self, *call) -> None:
        self.call = call

    def __reduce__(self) -> tuple:
        return self.call[0], self.call[1:]


def plain(value):
    """A value with its tensors as comparable data, whichever library made it."""
    if hasattr(value, "stride") and hasattr(value, "requires_grad"):
        data = value.detach()
        numbers = (data.float() if "float8" in str(value.dtype) else data).tolist()
        memory = tuple(value.shape), tuple(value.stride()), value.storage_offset()
        return type(value).__name__, str(value.dtype), memory, value.requires_grad, numbers
    if isinstance(value, dict):
        return type(value).__name__, [(plain(k), plain(v)) for k, v in value.items()], plain(vars(value)) if hasattr(value, "__dict__") else None
    if isinstance(value, (list, tuple, set)):
        return type(value).__name__, [plain(v) for v in value]
    return repr(value)


def saved(module, value, **options) -> io.BytesIO:
    file = io.BytesIO()
    module.save(value, file, **options)
    file.seek(0)
    return file


def sample(lib) -> dict:
    """Everything that a checkpoint may hold."""
    base = lib.arange(12.0)
    linear = lib.nn.Linear(3, 2)
    with lib.no_grad():
        linear.weight.copy_(lib.arange(6.0).view(2, 3))
        linear.bias.copy_(lib.arange(2.0))
    shared = lib.ones(2)
    return {"matrix": base.view(3, 4), "transposed": base.view(3, 4).t(), "part": base[3:7], "scalar": lib.tensor(2.5), "empty": lib.empty(0, 3),
            "leaf": lib.ones(2, requires_grad=True), "parameter": lib.nn.Parameter(lib.ones(2, 2)), "twice": [shared, shared],
            "frozen": lib.nn.Parameter(lib.zeros(1), requires_grad=False), "state": linear.state_dict(),
            "nested": [{"a": (1, 2.5, None, True, "text", b"bytes", 1j, 10 ** 30, -3)}, [], {}, ()], "set": {3}, "size": lib.Size([2, 3]),
            "dtype": lib.float16, "device": lib.device("cpu"), "ordered": collections.OrderedDict(b=1, a=2), "counter": collections.Counter("aab")}


@BOTH
@pytest.mark.parametrize("writer,reader", [(jtorch, torch), (torch, jtorch), (jtorch, jtorch)], ids=["to", "from", "own"])
def test_checkpoint(writer, reader, zipped):
    read = reader.load(saved(writer, sample(writer), _use_new_zipfile_serialization=zipped))
    assert plain(read) == plain(sample(writer))
    read["matrix"][0, 3] = 77                                # views of one storage stay views of one storage
    assert read["part"][0].item() == 77 and read["transposed"][3, 0].item() == 77
    assert read["twice"][0] is read["twice"][1]


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("zipped", [True, False])
def test_dtypes(name, zipped):
    ours, theirs = (lib.tensor([0, 1, 1, 0, 1]).to(getattr(lib, name)) for lib in (jtorch, torch))
    assert plain(jtorch.load(saved(torch, theirs, _use_new_zipfile_serialization=zipped))) == plain(theirs)
    assert plain(jtorch.load(saved(jtorch, ours, _use_new_zipfile_serialization=zipped))) == plain(theirs)
    if zipped or hasattr(torch, {"bool": "BoolStorage"}.get(name, "-")):   # PyTorch itself cannot read types without a storage class there
        assert plain(torch.load(saved(jtorch, ours, _use_new_zipfile_serialization=zipped))) == plain(theirs)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_protocols(protocol):
    value = {"a": jtorch.ones(2), "b": [1, "x", (2,)]}
    assert plain(jtorch.load(saved(jtorch, value, pickle_protocol=protocol))) == plain(value)
    assert plain(torch.load(saved(jtorch, value, pickle_protocol=protocol), weights_only=False)) == plain(value)


def test_layout_of_archive():
    ours, theirs = (zipfile.ZipFile(saved(lib, {"a": lib.ones(3), "b": lib.zeros(2, dtype=lib.int64)})) for lib in (jtorch, torch))
    assert ours.namelist() == theirs.namelist() and ours.testzip() is None
    assert ours.read("archive/data.pkl") == theirs.read("archive/data.pkl")
    for entry in ours.infolist():
        ours.fp.seek(entry.header_offset)
        name, extra = archive.LOCAL.unpack(ours.fp.read(archive.LOCAL.size))[-2:]
        assert (entry.header_offset + archive.LOCAL.size + name + extra) % 64 == 0


@pytest.mark.parametrize("make", [lambda lib: lib.ones(2, 3).t(), lambda lib: lib.ones(2, requires_grad=True),
                                  lambda lib: lib.nn.Parameter(lib.ones(1)), lambda lib: lib.tensor(1, dtype=lib.uint16),
                                  lambda lib: lib.nn.Buffer(lib.ones(1)), lambda lib: lib.nn.Linear(1, 1).state_dict()])
def test_same_pickle(make):
    ours, theirs = (zipfile.ZipFile(saved(lib, make(lib))).read("archive/data.pkl") for lib in (jtorch, torch))
    assert ours == theirs


def test_module_both_ways():
    def net(lib):
        return lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.ReLU(), lib.nn.Dropout(0.5), lib.nn.LayerNorm(4))
    for writer, reader in ((jtorch, torch), (torch, jtorch), (jtorch, jtorch)):
        made = net(writer)
        read = reader.load(saved(writer, made), weights_only=False)
        assert type(read) is reader.nn.Sequential and repr(read) == repr(made)
        read.eval(), made.eval()
        x = [[0.5, -1.0, 2.0]]
        np.testing.assert_allclose(read(reader.tensor(x)).detach().numpy(), made(writer.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6)   # near 0 sums in another order differ more


def test_optimizer_state():
    parameter = jtorch.nn.Parameter(jtorch.ones(2))
    optimizer = jtorch.optim.Adam([parameter], lr=0.1)
    (parameter * 2).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    assert plain(torch.load(saved(jtorch, state))["state"]) == plain(state["state"])


def test_generator_state():
    for writer, reader in ((jtorch, torch), (torch, jtorch)):
        generator, other = writer.Generator(), reader.Generator()
        generator.manual_seed(5)
        other.set_state(reader.load(saved(writer, generator.get_state())))
        assert writer.rand(3, generator=generator).tolist() == reader.rand(3, generator=other).tolist()


def test_attributes_of_tensors():
    tensor, parameter = jtorch.ones(2), jtorch.nn.Parameter(jtorch.ones(2))
    tensor.note, parameter.note = "a", [1]
    for lib in (torch, jtorch):
        read = lib.load(saved(jtorch, [tensor, parameter]))
        assert read[0].note == "a" and read[1].note == [1] and type(read[1]) is lib.nn.Parameter


def test_same_storage_of_two_types():
    base = jtorch.ones(4)
    with pytest.raises(RuntimeError, match="Cannot save multiple tensors or storages that view the same data as different types"):
        saved(jtorch, [base, base.view(jtorch.int32)])


def test_mmap(tmp_path):
    torch.save({"a": torch.arange(6.0), "b": torch.ones(2, dtype=torch.bool)}, tmp_path / "x.pt")
    read = jtorch.load(tmp_path / "x.pt", mmap=True)
    assert read["a"].tolist() == [0, 1, 2, 3, 4, 5] and read["b"].tolist() == [True, True]
    read["a"][0] = 9                                         # private: the file does not change
    assert torch.load(tmp_path / "x.pt")["a"][0] == 0
    with pytest.raises(ValueError, match="f must be a file path in order to use the mmap argument"):
        jtorch.load(saved(torch, 1), mmap=True)


@pytest.mark.parametrize("where", [None, "cpu", {"cuda:0": "cpu"}, lambda storage, location: storage, lambda storage, location: None])
def test_map_location(where):
    data = zipfile.ZipFile(saved(torch, torch.arange(4.0))).read("archive/data.pkl")
    file = made_archive(data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"), np.arange(4, dtype="f4").tobytes())
    if where is None or (callable(where) and where(1, "") is None):
        if not torch.cuda.is_available():
            with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device but torch.cuda.is_available\\(\\) is False"):
                jtorch.load(file, where)
    else:
        assert jtorch.load(file, where).tolist() == [0, 1, 2, 3]


def test_paths(tmp_path):
    for name, prefix in (("a.b.pt", "a.b"), ("noext", "noext"), ("é.pt", "archive")):
        jtorch.save(jtorch.ones(1), tmp_path / name)
        assert zipfile.ZipFile(tmp_path / name).namelist()[0] == f"{prefix}/data.pkl"
        assert torch.load(str(tmp_path / name)).item() == 1
    with pytest.raises(RuntimeError, match="Parent directory .*nowhere does not exist."):
        jtorch.save(1, tmp_path / "nowhere" / "x.pt")
    with pytest.raises(FileNotFoundError):
        jtorch.load(tmp_path / "missing.pt")
    for bad in (None, 3, object()):
        with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like object with a 'write' attribute"):
            jtorch.save(1, bad)
    with pytest.raises(AttributeError, match="'int' object has no attribute 'seek'. You can only torch.load from a file that is seekable."):
        jtorch.load(3)


def test_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    jtorch.save("old", path)
    os.chmod(path, 0o640)

    def stop(*_) -> None:
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(archive.ZipWriter, "finish", stop)
        with pytest.raises(KeyboardInterrupt):
            jtorch.save("new", path)
    assert jtorch.load(path) == "old" and os.listdir(tmp_path) == ["x.pt"]
    os.symlink(path, tmp_path / "link.pt")
    jtorch.save("new", tmp_path / "link.pt")
    assert os.path.islink(tmp_path / "link.pt") and jtorch.load(path) == "new" and stat.S_IMODE(os.stat(path).st_mode) == 0o640
    jtorch.save("nowhere", os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_large_archives(monkeypatch):
    monkeypatch.setattr(archive, "LIMIT", 100)               # the 64-bit form of zip entries, without 4 GiB of data
    file = saved(jtorch, {"a": jtorch.arange(100.0), "b": jtorch.ones(2)})
    assert torch.load(file)["a"].tolist() == list(range(100))
    file.seek(0)
    assert jtorch.load(file)["b"].tolist() == [1, 1]


def test_several_in_one_file():
    file = io.BytesIO()
    for value in (1, {"a": 2}):
        jtorch.save(value, file, _use_new_zipfile_serialization=False)
    file.seek(0)
    assert jtorch.load(file) == 1 and jtorch.load(file) == {"a": 2}


# What is refused

def made_archive(data: bytes | None, storage: bytes = b"", method: int = zipfile.ZIP_STORED, **records: bytes | None) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as zipped:
        for name, content in {"data.pkl": data, "byteorder": b"little", "version": b"3\n", "data/0": storage, **records}.items():
            if content is not None:
                zipped.writestr(f"archive/{name}", content)
    file.seek(0)
    return file


@BOTH
@pytest.mark.parametrize("value", [Plain(), Evil(os.system, "exit 1"), Evil(print, "x"), Evil(getattr, "", "x"), np.zeros(1), slice(1),
                                   collections.defaultdict(int), Evil(eval, "1")], ids=lambda v: type(v).__name__)
def test_refused_like_pytorch(value, zipped):
    messages = []
    for lib in (torch, jtorch):
        with pytest.raises(pickle.UnpicklingError) as caught:
            lib.load(saved(torch, value, _use_new_zipfile_serialization=zipped))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_refused_module():
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL torch.nn.modules.linear.Linear was not an allowed global by default"):
        jtorch.load(saved(jtorch, jtorch.nn.Linear(1, 1)))
    with jtorch.serialization.safe_globals([jtorch.nn.Linear, set]):
        assert type(jtorch.load(saved(torch, torch.nn.Linear(1, 1)))) is jtorch.nn.Linear


def test_safe_globals():
    serialization = jtorch.serialization
    file = saved(jtorch, [Plain(), Plain])
    with serialization.safe_globals([Plain]):
        assert Plain in serialization.get_safe_globals() and jtorch.load(file)[0].x == 1
    assert serialization.get_safe_globals() == []
    file.seek(0)
    assert serialization.get_unsafe_globals_in_checkpoint(file) == [f"{__name__}.Plain"]
    serialization.add_safe_globals([(Plain, "elsewhere.Name")])
    assert serialization.get_safe_globals() == [(Plain, "elsewhere.Name")]
    serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []


PROTO, TENSOR, STOP = b"\x80\x02", b"ctorch._utils\n_rebuild_tensor_v2\n", b"."
CRAFTED = [b"", b".", PROTO, PROTO + b"K\x01", PROTO + b"h\x05.", PROTO + b"X\xff\xff\xff\x7fab.", PROTO + b"]K\x01s.", PROTO + b"]]a]s.",
           b"cos\nsystem\n(S'echo'\ntR.", b"(S'echo'\nios\nsystem\n.", PROTO + b"\x82\x01.", PROTO + b"K\x01Q.", PROTO + b"K\x01)R.",
           PROTO + TENSOR + b"}b.", PROTO + b"ctorch\nTensor\n}b.", PROTO + b"ctorch\nTensor\n)R.", PROTO + b"ctorch\nTensor\n)\x81.",
           PROTO + b"ctorch\nfloat32\nN}U\x08itemsizeK\x01s\x86b.", PROTO + b"c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
           PROTO + b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00bz2\x86R.", PROTO + TENSOR + b")R.", PROTO + b"}]K\x01s.",
           PROTO + b"ccollections\nOrderedDict\n)R}U\x05itemsK\x01sb.", b"\x80\x05\x96\xff\xff\xff\xff\x00\x00\x00\x7f.",
           b"\x80\x02\x8b\xff\xff\xff\x7f.", b"I" + b"9" * 10000 + b"\n.", PROTO + b"(t(K\x01e.", b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
           b"\x80\x04K\x01K\x02\x93.", PROTO + b"(K\x01d.", PROTO + b"P1\n."]


@pytest.mark.parametrize("data", CRAFTED)
def test_hostile_pickles(data):
    with pytest.raises((pickle.UnpicklingError, RuntimeError, EOFError)):
        jtorch.load(made_archive(data))


class Storage:
    """Pickled as a persistent identity."""

    def __init__(self, identity: object) -> None:
        self.identity = identity


class IdentityPickler(pickle.Pickler):
    def persistent_id(self, value: object) -> object:
        return value.identity if isinstance(value, Storage) else None


def pickled(value: object) -> bytes:
    file = io.BytesIO()
    IdentityPickler(file, protocol=2).dump(value)
    return file.getvalue()


GOOD = "storage", torch.FloatStorage, "0", "cpu", 4
IDENTITIES = ["x", 3, (), ("storage",), ("foo", 1, 2, 3, 4), (*GOOD[:4], -4), (*GOOD[:4], 10 ** 12), (*GOOD[:4], 4.0), (*GOOD[:3], "nowhere", 4),
              (*GOOD[:3], 7, 4), (*GOOD[:2], "../0", "cpu", 4), (*GOOD[:2], ["0"], "cpu", 4), ("storage", 1, "0", "cpu", 4), (*GOOD, 1)]


@pytest.mark.parametrize("identity", IDENTITIES, ids=repr)
def test_hostile_identities(identity):
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        jtorch.load(made_archive(pickled(Storage(identity)), b"\0" * 16))


GEOMETRY = [(1, (4,), (1,)), (-1, (4,), (1,)), (0, (-4,), (1,)), (0, (4,), (-1,)), (0, (2 ** 62, 4), (1, 1)), (0, (4,), (1, 2)), (0, (2, 3), (3, 1)),
            (0, "4", (1,)), (0, (4.0,), (1,)), ("0", (4,), (1,)), (0, (2,), (2 ** 63,)), (2 ** 70, (1,), (1,)), (0, 4, 1)]


@pytest.mark.parametrize("offset,size,stride", GEOMETRY)
def test_hostile_sizes(offset, size, stride):
    data = pickled(Evil(torch._utils._rebuild_tensor_v2, Storage(GOOD), offset, size, stride, False, collections.OrderedDict()))
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        jtorch.load(made_archive(data, b"\0" * 16))


@BOTH
def test_truncated_files(zipped):
    whole = saved(torch, {"a": torch.arange(100.0)}, _use_new_zipfile_serialization=zipped).getvalue()
    for length in [*range(0, 40), *range(40, len(whole), 37), len(whole) - 1]:
        with pytest.raises((RuntimeError, pickle.UnpicklingError, EOFError)):
            jtorch.load(io.BytesIO(whole[:length]))


@pytest.mark.parametrize("seed", [1001, 1002])
def test_altered_files(seed):
    """Some of what tests/conformance/fuzz.py tries.  Nothing is watched but errors and time here: other threads of the process may do what files must not."""
    found, wrong = fuzz.tried(seed, 150)
    assert not wrong and len(found) > 2


DATA, FOUR = (zipfile.ZipFile(saved(torch, torch.arange(4.0))).read(name) for name in ("archive/data.pkl", "archive/data/0"))
ARCHIVES = {"short storage": made_archive(DATA, FOUR[:8]), "long storage": made_archive(DATA, FOUR * 2), "no storage": made_archive(DATA, None),
            "no pickle": made_archive(None), "no version": made_archive(DATA, FOUR, version=None),
            "order": made_archive(DATA, FOUR, byteorder=b"foo"),
            "bomb": made_archive(DATA, b"\0" * 64_000_000, zipfile.ZIP_DEFLATED), "TorchScript": made_archive(DATA, FOUR, **{"constants.pkl": b"x"})}


@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archives(name):
    with pytest.raises((RuntimeError, ValueError)):
        jtorch.load(io.BytesIO(ARCHIVES[name].getvalue()))


def test_many_records_in_one_place():
    file = made_archive(DATA, FOUR).getvalue()
    at = file.rfind(b"PK\x01\x02")
    entry, end = file[at:-22], bytearray(file[-22:])
    twice = file[:-22] + entry.replace(b"data/0", b"data/1") + entry.replace(b"data/0", b"data/2")
    count = struct.unpack_from("<H", end, 10)[0] + 2
    struct.pack_into("<HHI", end, 8, count, count, struct.unpack_from("<I", end, 12)[0] + 2 * len(entry))
    big = made_archive(DATA, b"\0" * 100_000).getvalue()
    assert jtorch.load(io.BytesIO(twice + bytes(end))).tolist() == [0, 1, 2, 3]   # small: no harm
    at = big.rfind(b"PK\x01\x02")
    entry, end = big[at:-22], bytearray(big[-22:])
    struct.pack_into("<HHI", end, 8, count, count, struct.unpack_from("<I", end, 12)[0] + 2 * len(entry))
    with pytest.raises(RuntimeError, match="declares more than the file holds"):
        jtorch.load(io.BytesIO(big[:-22] + entry.replace(b"data/0", b"data/1") + entry.replace(b"data/0", b"data/2") + bytes(end)))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_packed_again(method):
    assert jtorch.load(made_archive(DATA, FOUR, method)).tolist() == torch.load(made_archive(DATA, FOUR, method)).tolist()


def test_big_endian():
    assert jtorch.load(made_archive(DATA, np.arange(4, dtype=">f4").tobytes(), byteorder=b"big")).tolist() == [0, 1, 2, 3]


def test_arguments():
    with pytest.raises(RuntimeError, match="Can not safely load weights when explicit pickle_module is specified"):
        jtorch.load(saved(torch, 1), pickle_module=pickle, weights_only=True)
    assert jtorch.load(saved(torch, 1), pickle_module=pickle) == 1
    with pytest.warns(UserWarning, match="pickle_load_args only works if `weights_only=False`."):
        jtorch.load(saved(torch, 1), fix_imports=True)
    for bad in (b"", b"hello world this is text", pickle.dumps({"a": 1}, 2)):
        with pytest.raises((EOFError, pickle.UnpicklingError, RuntimeError)):
            jtorch.load(io.BytesIO(bad))
    with pytest.raises(AttributeError, match="Can't pickle local object"):
        saved(jtorch, lambda: 1)


@pytest.mark.parametrize("home", ["", ".nn.functional", ".linalg", ".fft", ".special", ".sparse"])
def test_functions_are_pickled_by_their_place(home: str):
    """A module that keeps a function, as an activation, can be pickled where no PyTorch is."""
    for name, function in list(vars(importlib.import_module(f"jtorch{home}")).items()):
        if inspect.isfunction(function) and not name.startswith("_"):
            assert function.__module__.startswith("jtorch") and pickle.loads(pickle.dumps(function)) is function, name


def test_elements_left_out(tmp_path: Path) -> None:
    """The file has the place for them: another program may fill it."""
    whole, empty = tmp_path / "whole.pt", tmp_path / "empty.pt"
    jtorch.save({"a": jtorch.arange(5), "b": 3}, whole)
    with jtorch.serialization.skip_data():
        jtorch.save({"a": jtorch.arange(5), "b": 3}, empty)
        with pytest.raises(RuntimeError, match="skip_data"):
            jtorch.save(jtorch.ones(1), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert not (tmp_path / "old.pt").exists() and whole.stat().st_size == empty.stat().st_size
    for module in (torch, jtorch):
        found = module.load(empty)
        assert found["b"] == 3 and found["a"].tolist() == [0] * 5 and str(found["a"].dtype) == "torch.int64"
