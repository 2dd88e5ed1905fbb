"""Classes with a `__torch_function__`, and modes: who is asked, about which function, and what becomes of the results, as in PyTorch.

Each program is run in a process of its own: once a class is asked, all public functions ask for the rest of the process.
"""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import jtorch

BEGIN = """
import copy, pickle, sys, warnings
warnings.simplefilter("ignore")
import {library} as torch
F = torch.nn.functional
class Plain(torch.Tensor): pass
log = []
class Told(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log.append((torch.overrides.resolve_name(func), *sorted(t.__name__ for t in types if t is not torch.Tensor)))
        return super().__torch_function__(func, types, args, kwargs or {{}})
class Named(torch.Tensor):
    @staticmethod
    def __new__(cls, data, name=None, *args, **kwargs): return super().__new__(cls, data, *args, **kwargs)
    def __init__(self, data, name=None): self.name_ = name
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        made = super().__torch_function__(func, types, args, kwargs)
        if isinstance(made, Named): made.name_ = next((a.name_ for a in args if isinstance(a, Named)), None)
        return made
class Silent(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return NotImplemented
class Duck:
    table = {{}}
    def __init__(self, value): self.value = value
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return cls.table[func](*args, **(kwargs or {{}})) if func in cls.table else NotImplemented
def implements(function):
    return lambda own: Duck.table.setdefault(function, own)
implements(torch.mean)(lambda input: input.value)
implements(torch.add)(lambda a, b: ("add", getattr(a, "value", a), getattr(b, "value", b)))
implements(torch.stack)(lambda items: ("stack", len(items)))
implements(F.linear)(lambda *args: "linear")
implements(torch.Tensor.add)(lambda *args: "method")
class Seen(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log.append(torch.overrides.resolve_name(func))
        return func(*args, **(kwargs or {{}}))
def shown(x):
    if isinstance(x, torch.Tensor): return type(x).__name__, str(x.detach()) if not isinstance(x, Silent) else "", x.requires_grad if not isinstance(x, Silent) else ""
    if isinstance(x, (list, tuple)): return type(x).__name__, [shown(item) for item in x]
    return x if isinstance(x, (int, float, str, type(None))) else str(x)
def run(line):
    torch.manual_seed(1)
    scope = globals() | dict(a=torch.tensor([[1., 2.], [3., 4.]]), p=Plain([[1., 2.], [3., 4.]]), r=Plain([[1., 2.], [3., 4.]]).requires_grad_(),
                             t=torch.tensor([[1., 2.], [3., 4.]]).as_subclass(Told), n=Named([1., 2.], name="one"),
                             s=torch.Tensor._make_subclass(Silent, torch.ones(2)))
    log.clear()
    try:
        found = eval(line, scope) if {value} else exec(line, scope)
    except Exception as error:
        return type(error).__name__, str(error).split("\\n")[0][:90], list(log)
    asked = list(log)
    return shown(found), asked
for line in sys.stdin.read().strip().split("\\n"):
    print(line, "->", str(run(line)).replace("jtorch", "torch").replace("_core.tensor.", ""))
"""
CLASSES = """
p + 1, 1 + p, p + a, a + p, p @ a, -p, p == p, p[0], p.T, p.data, p.mT, p.detach(), p.clone()
p.sum(), p.max(0), p.topk(1), p.split(1), p.unbind(), list(p), p.double(), p.view(4), p.numpy().shape, p.tolist()
F.relu(p), F.linear(a, p), torch.stack([p, a]), torch.cat((a, p)), torch.zeros_like(p), p.new_zeros(2), torch.where(p > 1, p, a)
torch.tensor(p), torch.as_tensor(p) is p, torch.is_tensor(p), torch.numel(p), torch.result_type(p, 1), torch.ones(2)
F.cross_entropy(r, torch.tensor([0, 1])), torch.einsum("ij,jk->ik", r, a), torch.nn.Linear(2, 2)(p)
str(r * 2), str((r * 2).sum()), (r * 2).grad_fn is None
(r * 2).sum().backward(), r.grad
torch.nn.Parameter(p), isinstance(torch.nn.Parameter(p), torch.nn.Parameter), repr(torch.nn.Parameter(p))
type(torch.nn.Parameter(a) * 2).__name__, repr(torch.nn.Parameter(a)), type(p.as_subclass(torch.Tensor)).__name__
format(p[0, 0], ".2f")
format(p.sum().item(), ".2f"), float(p.sum()), len(p), bool(p.sum() > 0), int(p[0, 0])
repr(type("Own", (torch.nn.Parameter,), {})(a))
type(copy.copy(p)).__name__, copy.copy(p)
Plain([1, 2]), Plain(torch.ones(2)), Plain(2, 1).shape
t + 1, 1 + t, t - a, a - t, 1 - t, 2 ** t, t + t, t / 2, 2 / t, t % 2, t ** 2, abs(t), t < 1, a < t, t != 1
(t.int() & 1, 1 | t.int(), t.int() ^ 1, t.int() << 1, 1 << t.int(), ~(t > 0), 1 % t, t @ a, a @ t)
t.add(1), t.add(other=1), torch.add(t, 1), torch.add(t, other=1, alpha=2), torch.add(input=t, other=1), torch.Tensor.add(t, 1), a.add(t)
t.shape, t.size(), t.ndim, t.dtype, t.device, t.requires_grad, t.grad, t.T, t.is_leaf, t.grad_fn, t.itemsize, t.dim(), t.stride(), t.is_contiguous()
t[0], t[0, 1], len(t), t.__setitem__(0, 5.0), bool(t.sum()), t.sum().item(), 2 in t, reversed(t)
F.relu(t), F.softmax(t, dim=-1), F.linear(t, a), F.mse_loss(t, a), F.dropout(t, 0.5), F.layer_norm(t, (2,)), F.pad(t, (1, 1))
F.scaled_dot_product_attention(t, t, t), F.embedding(torch.tensor([0]), t), torch.nn.ReLU()(t), torch.nn.Linear(2, 2)(t)
torch.stack([t, a]), torch.cat((a, t)), torch.matmul(t, t), torch.linalg.norm(t), torch.fft.fft(t), torch.special.expit(t), torch.max(t, 0), t.norm()
torch.zeros_like(t), torch.tensor(t), torch.allclose(t, t), torch.is_floating_point(t), torch.manual_seed(0) is None, torch.full((2,), t[0, 0])
torch.add(a, a, out=t), a.copy_(t), a.add_(t), a.masked_fill(t > 0, 1.0), F.relu_(t)
torch.autograd.grad((r * r).sum(), r)
t + p
n * 2, (n * 2).name_, (2 * n + 1).name_, n[0].name_, n.sum().name_, torch.stack([n, n]).name_
s + 1
s.add(1)
s.shape
s @ s
s == s, -a
-s
s[0]
torch.stack([s])
torch.overrides.has_torch_function([s]), torch.overrides.has_torch_function([a, 3]), torch.overrides.has_torch_function((torch.nn.Parameter(a),))
torch.overrides.resolve_name(torch.Tensor.add), torch.overrides.resolve_name(torch.add), torch.overrides.resolve_name(F.linear), torch.overrides.resolve_name(len)
torch.overrides.resolve_name(torch.Tensor.shape.__get__), torch.overrides.resolve_name(torch.linalg.det), torch.overrides.resolve_name(torch.fft.fft)
torch.overrides.is_tensor_method_or_property(torch.Tensor.add), torch.overrides.is_tensor_method_or_property(torch.add)
torch.overrides.is_tensor_method_or_property(torch.Tensor.shape.__get__), torch.overrides.is_tensor_method_or_property(len)
torch.Tensor.grad.__get__ in torch.overrides.get_default_nowrap_functions(), torch.add in torch.overrides.get_overridable_functions()[torch]
torch.Tensor.add in torch.overrides.get_overridable_functions()[torch.Tensor], F.relu in torch.overrides.get_overridable_functions()[F]
torch.manual_seed in torch.overrides.get_ignored_functions(), torch.add in torch.overrides.get_ignored_functions()
torch.overrides.get_testing_overrides()[torch.mm](a, a)
torch.overrides.wrap_torch_function(lambda x: (x,))(lambda x: x * 3)(a), torch.overrides.wrap_torch_function(lambda x: (x,))(lambda x: x * 3)(p)
"""
STATEMENTS = """
t += 1; assert type(t) is Told
t -= 1; t *= 2; t /= 2; t **= 2; t //= 2; t %= 2; t[0] = 1
t.grad = torch.ones(2, 2); t.data = torch.ones(3); t.requires_grad = True; t.x = 5; print(log)
t &= t
t.name_ = 1; u = t + 1; print(hasattr(u, "name_"), hasattr(t, "name_"))
with torch._C.DisableTorchFunctionSubclass(): print(type(p + 1) is torch.Tensor, type(t + 1) is torch.Tensor)
with Seen(): x = torch.ones(2); y = x + 1; x.add_(1); x[0]; torch.tensor([1.0]); F.relu(x); torch.stack([x, y]); torch.arange(3); torch.zeros_like(x); x.requires_grad; print(log)
with Seen(), Seen(): torch.ones(1); print(log)
with Seen(): t * 2; print(log)
with Seen(), torch._C.DisableTorchFunction(): torch.ones(1); print(log)
with torch.overrides.BaseTorchFunctionMode(): print(torch.ones(1) + 1)
with Seen(): F.cross_entropy(torch.ones(1, 2), torch.tensor([0])); print(log)
with torch.no_grad(): p.add_(1); print(p, type(p) is Plain)
class Halved(torch.overrides.TorchFunctionMode):\\n  def __torch_function__(self, func, types, args=(), kwargs=None): made = func(*args, **(kwargs or {})); return made.half() if func is torch.ones else made\\nwith Halved(): print(torch.ones(2))
m = torch.nn.Linear(2, 1); m.weight = torch.nn.Parameter(Plain([[1.0, 2.0]])); print(list(dict(m.named_parameters())), type(m.weight) is Plain, m(a)); torch.optim.SGD(m.parameters(), 0.1).step()
"""
DUCKS = """
torch.mean(Duck(3))
torch.add(Duck(1), 2), torch.add(torch.ones(1), Duck(2))
torch.stack([Duck(1)]), torch.stack([a, Duck(1)])
F.linear(Duck(1), a), F.linear(a, a, Duck(3))
a.add(Duck(1))
a + Duck(1)
torch.sub(Duck(1), 2)
torch.overrides.is_tensor_like(Duck(1)), torch.overrides.has_torch_function([Duck(1)]), torch.overrides.is_tensor_like(3)
torch.mean(Duck(3)), torch.mean(a)
torch.overrides.handle_torch_function(torch.add, (Duck(1),), Duck(1), 2)
torch.overrides.handle_torch_function(torch.sub, (Duck(1),), Duck(1), 2)
"""


def told(library: str, lines: str, value: bool = True) -> list[str]:
    done = subprocess.run([sys.executable, "-c", BEGIN.format(library=library, value=value)], input=lines, capture_output=True, text=True, check=False,
                          cwd=Path(__file__).parent.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


@pytest.mark.parametrize("lines, value", [(CLASSES, True), (STATEMENTS, False)], ids=["classes", "statements"])
def test_as_in_pytorch(lines: str, value: bool) -> None:
    assert told("jtorch", lines, value) == told("torch", lines, value)


@pytest.mark.parametrize("line", DUCKS.strip().split("\n"))
def test_the_first_call_that_sees_a_class_that_is_no_tensor(line: str) -> None:
    """A process for each: nobody was asked before."""
    line = line.replace("a.add", "torch.ones(2).add").replace("a + ", "torch.ones(2) + ")
    begin = BEGIN.split("def run(line)")[0].format(library="jtorch") + f"a = torch.ones(2)\ntry:\n    print(shown({line}))\nexcept Exception as error:\n    print(type(error), error)"
    theirs = begin.replace("import jtorch as torch", "import torch")
    ours, theirs = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent).stdout
                    for code in (begin, theirs))
    assert ours and ours == theirs


def test_programs_without_such_classes_pay_nothing() -> None:
    from jtorch._core import override
    assert not override.asked(jtorch.nn.Parameter) and not override.asked(jtorch.Tensor) and override.asked(type("Own", (jtorch.Tensor,), {}))
    assert torch.overrides.has_torch_function((torch.ones(1),)) == jtorch.overrides.has_torch_function((jtorch.ones(1),))


def test_what_is_not_asked_says_so() -> None:
    kind = type("Dispatched", (jtorch.Tensor,), {"__torch_dispatch__": classmethod(lambda cls, func, types, args=(), kwargs=None: None),
                                                 "__torch_function__": jtorch._C._disabled_torch_function_impl})
    with pytest.warns(UserWarning, match="Dispatched.__torch_dispatch__ is not called"):
        kind([1.0])
