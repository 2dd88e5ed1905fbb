"""Small parts of torch.utils: weak dictionaries, swapped tensors, hooks' marks, the tracker of modules, the baton."""
from __future__ import annotations

import importlib
import os
import re
import threading
import warnings
from types import ModuleType
from typing import Any

import pytest
import torch

import jtorch

SETUP = """
import copy, gc, pickle, warnings, weakref
U = torch.utils
W, swap = U.weak, U.swap_tensors
D, R = W.WeakTensorKeyDictionary, W.WeakIdRef
a, b, c = torch.ones(2), torch.ones(2), torch.zeros(1)
class Thing:
    pass
def run(code):
    scope = dict(globals())
    exec(code, scope)
    return scope.get("out")
def warned(f):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        f()
    return [(w.category.__name__, str(w.message).split("<")[0].split("/")[0]) for w in found]
def leaf(n=2, **more):
    return torch.ones(n, requires_grad=True)
def hooked(f):
    x = leaf()
    x.register_hook(f)
    return x
class Marks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1
    @staticmethod
    def backward(ctx, g):
        seen.append((sorted(tracker.parents), tracker.is_bw))
        return g
class Marking(torch.nn.Module):
    def forward(self, x):
        seen.append((sorted(tracker.parents), tracker.is_bw))
        return Marks.apply(x)
class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.rest = torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.ReLU(), Marking())
    def forward(self, x):
        return self.rest(self.first(x))
"""
CODE = """
run("d = D({a: 1, b: 2}); out = len(d), d[a], d[b], c in d, a in d, d.get(c), d.get(c, 5), 3 in d, None in d, bool(d), bool(D())")
D({a: 1})[b]
D({a: 1})[3]
D()[3]
run("d = D(); d[3] = 1")
run("d = D({a: 1, b: 2}); out = list(d.values()), [k is a for k in d], [(k is b, v) for k, v in d.items()], [r() is a for r in d.keyrefs()], [k is a for k in d.keys()]")
D({a: 1}) == D({a: 1}), D({a: 1}) == D({b: 1}), D({a: 1}) == D({a: 2}), D({a: 1}) != D({a: 1}), D({a: 1}) == {}, isinstance(D(), dict)
run("d = D({a: [1]}); e, f = d.copy(), copy.deepcopy(d); d[a].append(2); out = type(e).__name__, e[a], f[a], len(copy.copy(d))")
run("d = D({a: 1, b: 2}); out = d.pop(a), len(d), d.pop(a, 7), d.setdefault(a, 9), d.setdefault(a, 10), d.popitem()[1], len(d)")
D().pop(a)
D().pop(a, 1, 2)
run("d = D({a: 1}); d.update({b: 2}); d |= {c: 3}; out = len(d), len(d | D({torch.ones(1): 1})), len({c: 1} | d), type(d | D()).__name__")
run("d = D({a: 1, b: 2}); del d[a]; out = len(d); del d[a]")
run("x = torch.ones(1); d = D({x: 1, a: 2}); n = len(d); del x; gc.collect(); out = n, len(d), list(d.values())")
run("x, y = torch.ones(1), torch.ones(1); d = D({x: 1, y: 2}); n = 0\\nfor k in d:\\n    n += 1; x = y = None\\ndel k; gc.collect(); out = n, len(d)")
run("x = Thing(); d = W.WeakIdKeyDictionary(); d[x] = 1; n = len(d); del x; gc.collect(); out = n, len(d)")
run("d = D({a: 1}); out = a.view(2) in d, a.detach() in d; d.clear(); out = out, len(d)")
pickle.dumps(D({a: 1}))
hash(D())
R(a)() is a, R(a) == R(a), R(a) == R(b), hash(R(a)) == id(a), isinstance(R(a), weakref.ref)
run("x = torch.ones(1); hits = []; r = R(x, hits.append); del x; gc.collect(); out = hits[0] is r, r(), r == r, r == R(a)")
run("x = torch.ones(1); r = W.TensorWeakRef(x); got = r() is x; del x; gc.collect(); out = got, r()")
W.TensorWeakRef(3)
run("a.note = 5; i = id(a); z = torch.zeros(3, dtype=torch.int64); r = swap(a, z); out = r, a, z, id(a) == i, hasattr(a, 'note'), z.note")
run("p = torch.nn.Parameter(a); swap(p, c); out = type(p).__name__, p, c")
run("w = weakref.ref(b); swap(a, b)")
run("v = a[1:]; swap(a, c)")
run("x = leaf(); v = x[1:]; swap(c, x)")
run("v = a[1:]; z = torch.zeros(2); swap(v, z); out = v, z; z.fill_(5); out = out, a")
run("d = a.detach(); z = torch.zeros(3); swap(a, z); z.fill_(5); out = a, z, d; a.fill_(7); out = out, z, d")
run("d = a.numpy(); z = torch.zeros(3); swap(a, z); d[0] = 9; out = a, z")
run("x = leaf(); x.grad = torch.full((2,), 3.0); swap(x, c); out = x.requires_grad, x.grad, c.grad, c")
run("h = []; x = hooked(h.append); y = leaf(); swap(x, y); x.sum().backward(); n = len(h); y.sum().backward(); out = n, len(h), x.grad, y.grad")
run("m = torch.nn.Linear(1, 1); w = m.weight; swap(m.weight, torch.nn.Parameter(torch.full((1, 1), 7.0))); out = m.weight is w, m(torch.ones(1)) > 5, [p.requires_grad for p in m.parameters()]")
run("class Own(torch.Tensor): pass\\nx = c.as_subclass(Own); swap(x, a); out = type(x).__name__, type(a).__name__")
run("swap(a, a); out = a")
run("U.set_module(Thing, 'elsewhere'); out = Thing.__module__")
U.set_module(Thing, 3)
U.set_module(3, "elsewhere")
run("m = U.deterministic; was = m.fill_uninitialized_memory; m.fill_uninitialized_memory = False; out = was, m.fill_uninitialized_memory; m.fill_uninitialized_memory = True")
run("U.deterministic.fill_uninitialized_memory = 3")
run("f = lambda g: g; out = U.hooks.unserializable_hook(f) is f, f.__torch_unserializable__")
warned(lambda: U.hooks.warn_if_has_hooks(hooked(lambda g: g))), warned(lambda: U.hooks.warn_if_has_hooks(a))
warned(lambda: U.hooks.warn_if_has_hooks(hooked(U.hooks.unserializable_hook(lambda g: g))))
run("x = leaf() * 2; x.register_hook(lambda g: g); out = warned(lambda: U.hooks.warn_if_has_hooks(x)), warned(lambda: U.hooks.warn_if_has_hooks(leaf() * 2))")
zoo.load_url is torch.hub.load_state_dict_from_url, zoo.tqdm.__name__
"""
TRACKING = """
seen, model, tracker = [], Outer(), Tracker()
seen.append((tracker.parents, tracker.is_bw))
model.first.register_forward_hook(lambda *_: seen.append(sorted(tracker.parents)))
with tracker as same:
    y = model(torch.ones(1, 2, requires_grad=True))
    seen.append((sorted(tracker.parents), tracker.is_bw))
    y.sum().backward()
    seen.append((sorted(tracker.parents), tracker.is_bw, same is tracker))
    model(torch.ones(1, 2))
    torch.nn.Sequential(torch.nn.ReLU(), Marking())(torch.ones(1))
model(torch.ones(1, 2))
seen.append(sorted(tracker.parents))
"""


def scope(module: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = {"torch": module, "zoo": importlib.import_module(f"{module.__name__}.utils.model_zoo")}
    exec(SETUP, found)
    return found


def outcome(module: ModuleType, code: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.sub(r" at 0x\w+", "", str(eval(code, scope(module))))
        except Exception as error:
            return type(error).__name__


@pytest.mark.parametrize("code", CODE.strip().split("\n"))
def test_as_in_pytorch(code: str) -> None:
    ours, theirs = outcome(jtorch, code), outcome(torch, code)
    assert ours == theirs and theirs not in ("NameError", "SyntaxError")


def test_swap_wants_tensors() -> None:
    with pytest.raises(TypeError, match="must be tensors, not int"):
        jtorch.utils.swap_tensors(jtorch.ones(1), 3)


def test_gradients_that_are_to_come_go_with_the_contents() -> None:
    """PyTorch refuses at `backward`."""
    x, y = jtorch.ones(2, requires_grad=True), jtorch.zeros(2)
    loss = (x * 3).sum()
    jtorch.utils.swap_tensors(x, y)
    loss.backward()
    assert x.grad is None and y.grad.tolist() == [3, 3] and y.requires_grad and not x.requires_grad


def test_which_modules_are_being_executed() -> None:
    seen = []
    for module in (jtorch, torch):
        found = scope(module)
        found["Tracker"] = importlib.import_module(f"{module.__name__}.utils.module_tracker").ModuleTracker
        exec(TRACKING, found)
        seen.append(found["seen"])
    assert seen[0] == seen[1] and len(seen[1]) > 8


def test_backward_hook_says_what_to_use() -> None:
    with pytest.raises(NotImplementedError, match="register_full_backward_hook"):
        jtorch.utils.hooks.BackwardHook(jtorch.nn.ReLU(), [], [])


@pytest.mark.parametrize("module", [jtorch, torch], ids=["jtorch", "torch"])
def test_baton(module: ModuleType, tmp_path) -> None:
    baton = importlib.import_module(f"{module.__name__}.utils.file_baton").FileBaton
    path = str(tmp_path / "lock")
    first, second = baton(path), baton(path, 0.01, warn_after_seconds=0.001)
    assert first.try_acquire() and not second.try_acquire() and os.path.exists(path)
    with pytest.warns(UserWarning, match="Waited on lock file .* for 0.001 seconds"):
        threading.Timer(0.2, first.release).start()
        second.wait()
    assert second.try_acquire()
    second.release()
    assert not os.path.exists(path)
    first.wait()
