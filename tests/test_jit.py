"""`torch.jit`: scripted and traced code gives what PyTorch's gives, or the same error; saved programs give what the module gave, and run nothing else."""
from __future__ import annotations

import copy
import importlib.util
import io
import linecache
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest
import torch
from jax import export

import jtorch

SETUP = '''
J = torch.jit
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.scale = torch.nn.Linear(2, 3), 2
        self.register_buffer("offset", torch.ones(1))
        with torch.no_grad():
            self.layer.weight.copy_(torch.arange(6.0).reshape(3, 2)), self.layer.bias.fill_(0.5)
    def forward(self, x):
        return self.layer(x) * self.scale + self.offset
class Other(Net):
    def other(self, x, y):
        return {"sum": x + y + self.offset, "both": [x, y]}
def fn(x): return x * 2
def two(x, y): return x + y
def pair(x): return x, [x + 1]
x, n = torch.arange(4.0).reshape(2, 2), Net()
'''
WITH_SOURCE = '''
s, t, sf, tf, t2 = J.script(n), J.trace(n, x), J.script(fn), J.trace(fn, x), J.trace(two, (x, x))
'''
CODE = """
s(x), t(x), sf(x), tf(x), t(x[:1]), tf(x[0].double()), tf(x=x)
isinstance(s, torch.nn.Module), isinstance(s, J.ScriptModule), isinstance(t, J.ScriptModule), isinstance(sf, J.ScriptFunction), isinstance(tf, J.ScriptFunction)
s, t, copy.deepcopy(s), J.script(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(1, 1)))
list(s.state_dict()), list(t.state_dict()), [k for k, _ in s.named_parameters()], [k for k, _ in t.named_modules()]
s.scale, s.training, s.eval().training, n.training, s.layer.training, s.original_name
s.layer.weight is n.layer.weight, s.offset is n.offset
setattr(s, "scale", 5), s.scale, n.scale, s(x), n(x)
s.load_state_dict({k: v + 1 for k, v in s.state_dict().items()}), n(x)
s.nothing
s(x).sum().backward(), n.layer.weight.grad
sf.name, sf.qualified_name, tf.name
J.script(s) is s, J.script(sf) is sf
J.script(3)
J.script([1])
J.trace(fn)
J.trace(fn, 3)
J.trace(fn, "a")
J.trace(fn, (3.0,))
J.trace(two, (x, 2))
J.trace(two, (x, [x, x], {"a": x}, (x, 3)))
J.trace(fn, (x, x))
J.trace(fn, [x])(x), J.trace(fn, example_kwarg_inputs={"x": x})(x), J.trace(pair, x)(x)
J.trace(lambda x: 3, x)
J.trace(lambda x: (x, None), x)
J.trace(lambda x: {"a": x}, x)
J.trace(lambda x: {"a": x}, x, strict=False)(x)
J.trace(3, x)
tf()
tf(3)
tf(x, x)
t2(x)
t2(x, y=x + 1)
t2(x, "a")
J.trace_module(n, {"forward": x})(x)
J.trace_module(n, 3)
J.trace_module(n, {"nothing": x})
J.trace_module(fn, {"forward": x})
J.freeze(s)
J.freeze(n)
J.freeze(s.eval(), ["nothing"])
J.freeze(s.eval()), J.freeze(s.eval())(x), list(J.freeze(s.eval()).parameters()), list(J.freeze(s.eval()).state_dict())
J.freeze(s.eval()).scale
J.freeze(s.eval(), ["scale"]).scale
J.optimize_for_inference(s.eval())(x)
J.optimize_for_inference(n)
J.is_scripting(), J.is_tracing(), J.annotate(int, 3), J.Attribute(3, int)
J.ignore(3)
J.ignore(fn) is fn, J.ignore(drop=True)(fn)(x), J.export(fn) is fn, J.unused(fn)(x)
J.interface(fn)
[J.isinstance(v, k) for v, k in (([1], list[int]), (["a"], list[int]), ((1, "a"), tuple[int, str]), ({"a": 1}, dict[str, int]), ({1: 1}, dict[str, int]))]
J.wait(J.fork(fn, x)), J.fork(two, x, y=x).wait(), J.script_if_tracing(fn)(x)
J.save(n, "x")
J.load("/nowhere/x")
pickle.dumps(s)
"""


def scope_of(module: ModuleType, folder: Path) -> dict:
    """The names of the table, from a file: TorchScript reads source."""
    path = folder / "program.py"
    path.write_text(f"import {module.__name__} as torch\n{SETUP}{WITH_SOURCE}")
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    linecache.checkcache()
    spec.loader.exec_module(program)
    return {**vars(program), "copy": copy, "pickle": pickle}


def outcome(module: ModuleType, code: str, folder: Path) -> str:
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = str(eval(code, scope_of(module, folder)))
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
    return re.sub(r" at 0x\w+|grad_fn=<\w+>|___torch_mangle_\d+\.|torch\.jit\.torch", "", found)


@pytest.mark.parametrize("code", CODE.strip().split("\n"))
def test_as_in_pytorch(code: str, tmp_path: Path) -> None:
    assert outcome(jtorch, code, tmp_path / "ours") == outcome(torch, code, tmp_path / "theirs")


def scope() -> dict:
    found = {"torch": jtorch, "__name__": "program"}
    exec(SETUP, found)
    return found


def again(traced, **options):
    """What a file of it gives."""
    file = io.BytesIO()
    jtorch.jit.save(traced, file, **{k: v for k, v in options.items() if k == "_extra_files"})
    file.seek(0)
    return jtorch.jit.load(file, **{k: v for k, v in options.items() if k != "_extra_files"})


def test_saved_module() -> None:
    found = scope()
    n, x = found["Net"](), found["x"]
    loaded = again(jtorch.jit.trace(n, x, check_inputs=[(x[:1],)]))
    assert loaded(x).equal(n(x)) and loaded(x[:1]).equal(n(x[:1])) and repr(loaded) == repr(jtorch.jit.script(n))
    assert {k: v.tolist() for k, v in loaded.state_dict().items()} == {k: v.tolist() for k, v in n.state_dict().items()}
    loaded(x).sum().backward(), n(x).sum().backward()
    assert loaded.layer.weight.grad.equal(n.layer.weight.grad) and not loaded.offset.requires_grad
    with jtorch.no_grad():
        loaded.offset.add_(1)
    assert loaded(x).equal(n(x) + 1)                         # the state is the module's, not the program's
    with pytest.raises(RuntimeError, match="programs for arguments of the shapes and types"):
        loaded(jtorch.ones(7, 2))


def test_saved_methods_and_structures() -> None:
    found = scope()
    n, x = found["Other"](), found["x"]
    loaded = again(jtorch.jit.trace_module(n, {"forward": x, "other": (x, x + 1)}, strict=False))
    made, wanted = loaded.other(x, x + 1), n.other(x, x + 1)
    assert loaded(x).equal(n(x)) and made["sum"].equal(wanted["sum"]) and [t.tolist() for t in made["both"]] == [t.tolist() for t in wanted["both"]]
    assert again(jtorch.jit.trace(lambda d: d["a"] + d["b"][0], ({"a": x, "b": [x]},)))({"a": x, "b": [x]}).equal(x + x)


@pytest.mark.parametrize("make", [lambda T: T.nn.Conv2d(3, 4, 3), lambda T: T.nn.BatchNorm2d(3).eval(), lambda T: T.nn.LSTM(5, 4, batch_first=True),
                                  lambda T: T.nn.MultiheadAttention(5, 1, batch_first=True).eval(), lambda T: T.nn.Sequential(T.nn.Flatten(), T.nn.LazyLinear(2))],
                         ids="conv norm lstm attention lazy".split())
def test_saved_layers(make) -> None:
    layer = make(jtorch)
    shape = {"LSTM": (2, 6, 5), "MultiheadAttention": (2, 6, 5)}.get(type(layer).__name__, (2, 3, 5, 5))
    args = (jtorch.rand(shape),) * (3 if isinstance(layer, jtorch.nn.MultiheadAttention) else 1)
    with jtorch.no_grad():
        wanted = layer(*args)
        made = again(jtorch.jit.trace(layer, args))(*args)
    flat = jtorch.utils._pytree.tree_leaves
    for a, b in zip(flat(made), flat(wanted), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)    # compiled as another program, whose sums may be in another order


@pytest.mark.parametrize("function", [lambda x: x[:, 0] * 2, lambda x: x.t(), lambda x: x, lambda x: x.clone().add_(x[0, 0]),
                                      lambda x: x[0].detach().view(2, 1).expand(2, 3), lambda x: x.long() // 2, lambda x: x + jtorch.arange(2),
                                      lambda x: jtorch.stack(list(x)).sort(1)[0], lambda x: jtorch.cat([x, x.new_ones(1, 2)])])
def test_saved_program_reads_its_arguments(function) -> None:
    """Views and indexing of an argument are part of the program."""
    loaded = again(jtorch.jit.trace(function, jtorch.zeros(2, 2)))
    x = jtorch.tensor([[5., 3.], [2., 9.]])
    assert loaded(x).tolist() == function(x).tolist()


def test_extra_files(tmp_path) -> None:
    x, extra = jtorch.ones(2), {"note": "", "absent": "stays"}
    jtorch.jit.trace(lambda t: t * 2, x).save(tmp_path / "f", {"note": "text"})
    loaded = jtorch.jit.load(tmp_path / "f", map_location="cpu", _extra_files=extra)
    assert extra == {"note": b"text", "absent": "stays"} and loaded(x).tolist() == [2, 2]


@pytest.mark.parametrize("function, text", [(lambda x: x if x.sum() > 0 else -x, "needs a value while it runs"), (lambda x: x + x.numpy(), "needs a value"), (lambda x: x + jtorch.rand(2), "draws random numbers")])
def test_not_a_program(function, text) -> None:
    with pytest.raises(RuntimeError, match=text):
        again(jtorch.jit.trace(function, jtorch.ones(2)))
    assert (jtorch.ones(2) + 1).tolist() == [2, 2]


def test_scripted_has_no_shapes() -> None:
    with pytest.raises(RuntimeError, match="call torch.jit.trace"):
        again(jtorch.jit.script(jtorch.nn.ReLU()))


def test_real_archive_is_refused() -> None:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(lambda x: x * 2, torch.ones(1)), file)
    file.seek(0)
    with pytest.raises(RuntimeError, match="TorchScript archive of PyTorch's"):
        jtorch.jit.load(file)
    checkpoint = io.BytesIO()
    torch.save({}, checkpoint)
    with pytest.raises(RuntimeError, match="failed locating file constants.pkl"):
        jtorch.jit.load(checkpoint)


def test_foreign_calls_are_refused() -> None:
    """A program that calls back into the process is not run."""
    calls = jax.jit(jax.ffi.ffi_call("foreign_target", jax.ShapeDtypeStruct((2,), "float32")))
    checks = [export.DisabledSafetyCheck.custom_call("foreign_target")]
    evil = export.export(calls, disabled_checks=checks)(jax.ShapeDtypeStruct((2,), "float32")).serialize()
    file = io.BytesIO()
    jtorch.jit.trace(lambda x: x * 2, jtorch.ones(2)).save(file)
    forged = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            target.writestr(name, bytes(evil) if name.endswith("programs/0") else source.read(name))
    with pytest.raises(RuntimeError, match="is no part of XLA"):
        jtorch.jit.load(forged)
