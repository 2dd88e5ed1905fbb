"""What libraries for PyTorch ask for besides tensors and modules: operators of their own, futures, splitting over devices, PyTorch's inner names."""
from __future__ import annotations

import collections
import threading
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
import jtorch._dynamo
import jtorch.fx.experimental.symbolic_shapes
import jtorch.library
import jtorch.nn.parallel.scatter_gather
import jtorch.onnx.symbolic_helper
import jtorch.utils.dlpack
from jtorch import futures

# ---- operators of one's own

MAKE = """
from typing import List, Optional, Sequence, Tuple, Union
@torch.library.custom_op("{space}::scale", mutates_args=())
def scale(x: torch.Tensor, factor: float = 2.0, *, shift: int = 0) -> torch.Tensor:
    return x * factor + shift
scale.register_fake(lambda x, factor=2.0, *, shift=0: torch.empty_like(x))
def context(ctx, inputs, keyword_only_inputs, output):
    ctx.factor = inputs[1]
scale.register_autograd(lambda ctx, grad: (grad * ctx.factor, None), setup_context=context)
@torch.library.custom_op("{space}::both", mutates_args=())
def both(x: torch.Tensor, ys: List[torch.Tensor]) -> Tuple[torch.Tensor, torch.Tensor]:
    return x + sum(ys), x.clone()
@torch.library.custom_op("{space}::bump", mutates_args={{"x"}})
def bump(x: torch.Tensor, n: int) -> None:
    x.add_(n)
library = torch.library.Library("{space}lib", "DEF")
library.define("plus(Tensor x, int y=1) -> Tensor")
library.impl("plus", lambda x, y=1: x + y, "CompositeImplicitAutograd")
library.define("bare(Tensor x) -> Tensor")
library.define("host(Tensor x) -> Tensor")
library.impl("host", lambda x: x * 3, "CPU")
def a(x: torch.Tensor, y: Optional[torch.Tensor], n: int, f: float, b: bool, s: str, l: List[torch.Tensor], k: Sequence[int], o: Optional[int] = None,
      dt: torch.dtype = torch.float32, *, q: float = 1.0) -> Tuple[torch.Tensor, torch.Tensor]: ...
def untyped(x) -> torch.Tensor: ...
def unreturned(x: torch.Tensor): ...
def strange(x: dict) -> torch.Tensor: ...
def several(x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor: ...
def default(x: torch.Tensor, l: List[float] = (1.0,)) -> torch.Tensor: ...
joined = torch.library.custom_op("{space}::joined", lambda xs, n, *, k=1.0: sum(xs) * n + k, mutates_args=(),
                                 schema="(Tensor[] xs, int n, *, float k=1.0) -> Tensor")
joined.register_autograd(lambda ctx, grad: ([grad * (i + 1) for i in range(ctx.count)], None),
                         setup_context=lambda ctx, inputs, keyword_only_inputs, output: setattr(ctx, "count", len(inputs[0])))
def of(name, function, fake=torch.empty_like):
    made = torch.library.custom_op("{space}::" + name, function, mutates_args=(), schema="(Tensor x) -> Tensor")
    if fake is not None:
        made.register_fake(fake)
    return made
unfaked, same, wide = of("unfaked", lambda x: x * 2, None), of("same", lambda x: x), of("wide", lambda x: x * 2, lambda x: x.new_empty(7))
changing, looking = of("changing", lambda x: x.add_(1).clone()), of("looking", lambda x: x[1:])
library.define("ruled(Tensor x, float k=2.0) -> Tensor")
library.impl("ruled", lambda x, k=2.0: x.detach() * k, "CPU")
torch.library.register_autograd("{space}lib::ruled", lambda ctx, grad: (grad * 100, None), setup_context=lambda ctx, inputs, output: None)
ruled = torch.ops.{space}lib.ruled
library.define("cast(Tensor x) -> Tensor")
cast = torch.ops.{space}lib.cast
library.impl("cast", lambda x: x + 1, "CPU")
def cast_first(x):
    with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)):
        return cast(x.float())
library.impl("cast", cast_first, "AutocastCPU")
def under_autocast(function):
    with torch.autocast("cpu"):
        return function()
def abs_(x): return abs(x)
x = torch.ones(3, requires_grad=True)
"""
CALLS = """
scale(x), scale(x, 3.0), scale(x, 3.0, shift=4), scale(x=x, factor=0.5)
torch.ops.{space}.scale(x, 3.0), torch.ops.{space}.scale.default(x)
scale(x, 3.0, shift=1).sum().backward(), x.grad
scale(torch.ones(2, device="meta")).device
str(scale), str(torch.ops.{space}.scale), str(torch.ops.{space}.scale.default), torch.ops.{space}.scale.default.name()
str(torch.ops.{space}.scale.default._schema)
both(x, [x, x])
both(x, [x])[0].sum().backward()
bump(x.detach(), 2), x
scale(3)
scale(x, 1.0, 2)
torch.ops.{space}lib.plus(x, 4), torch.ops.{space}lib.plus(x), torch.ops.{space}lib.host(x.detach())
torch.ops.{space}lib.bare(x.detach())
torch.ops.aten.add(x, 1), torch.ops.aten.mm.default(torch.ones(2, 2), torch.ones(2, 2)), torch.ops.aten.linalg_det(torch.eye(2))
torch.ops.aten.nothing
torch.ops.{space}.nothing
torch.ops.{space}.scale.Tensor
hasattr(torch.ops.{space}, "scale"), hasattr(torch.ops.torchvision, "nms")
torch.library.infer_schema(a, mutates_args=())
torch.library.infer_schema(a, mutates_args=("x", "l"))
torch.library.infer_schema(a, mutates_args="unknown", op_name="a")
torch.library.infer_schema(a, mutates_args=("z",))
torch.library.infer_schema(untyped, mutates_args=())
torch.library.infer_schema(unreturned, mutates_args=())
torch.library.infer_schema(strange, mutates_args=())
torch.library.infer_schema(several, mutates_args=())
torch.library.infer_schema(default, mutates_args=())
torch.library.custom_op("alone", a, mutates_args=())
torch.library.Library("aten", "DEF")
torch.library.Library("mine", "NO")
torch.fx.wrap(len), torch.fx.wrap("len")
torch.fx.wrap(3)
torch.overrides.is_tensor_like(x), torch.overrides.is_tensor_like(3), torch.overrides.has_torch_function((x, 3))
torch._dynamo.is_compiling(), torch._C._get_tracing_state()
torch.nn.parallel.scatter_gather.gather([{{"a": torch.ones(1)}}, {{}}], "cpu")
torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(torch.arange(3)))
[(d.name, d.value) for d in torch.utils.dlpack.DLDeviceType][:4]
torch.nn.common_types._size_2_t, torch.nn.common_types._ratio_any_t
(torch.LongTensor | None) is None, (None | torch.FloatTensor) is None
(lambda t: {{"half": t}}[torch.chalf])(3) if {{torch.chalf: 1}} and torch.complex32.is_complex else 0
torch.ones(2, dtype=torch.complex64).dtype == torch.complex32
isinstance(x, torch.nn.parallel.DistributedDataParallel), torch.torch is torch
joined([x, x], 3, k=2.0).sum().backward(), x.grad
torch.autograd.grad(joined([x, x.exp(), torch.ones(3)], 3).sum(), x)
same(x.detach())
looking(x.detach())
torch.library.opcheck(scale, (x, 3.0), {{"shift": 1}})
torch.library.opcheck(scale, (x.detach(),)), torch.library.opcheck(scale, (x.detach(),), test_utils="test_schema")
torch.library.opcheck(scale, (x,), test_utils=("test_schema", "test_faketensor"), raise_exception=False)
torch.library.opcheck(scale, (x,), test_utils=("test_schema", "test_nothing"))
torch.library.opcheck(torch.ops.{space}.scale.default, (x.detach(),))
torch.library.opcheck("{space}::scale", (x.detach(),))
torch.library.opcheck(unfaked, (x.detach(),))
torch.library.opcheck(wide, (x.detach(),))
torch.library.opcheck(changing, (x.detach(),))
{{k: type(v).__name__ for k, v in torch.library.opcheck(changing, (x.detach(),), raise_exception=False).items() if v != "SUCCESS"}}
library.define("plus(Tensor x) -> Tensor")
library.impl("host", lambda x: x * 4, "CPU", allow_override=True), torch.ops.{space}lib.host(x.detach())
library.impl("host", lambda x: x * 5, "Autograd"), torch.ops.{space}lib.host(x), torch.ops.{space}lib.host(x.detach())
library.impl("host", lambda x: x, "Nowhere")
library.impl("later", lambda x: x + 2, "CPU"), library.define("later(Tensor x) -> Tensor"), torch.ops.{space}lib.later(x.detach())
torch.library.impl("{space}::latest", "cpu", lambda x: x + 2), torch.library.define("{space}::latest", "(Tensor x) -> Tensor"), torch.ops.{space}.latest(x.detach())
torch.overrides.is_tensor_method_or_property(torch.Tensor.add), torch.overrides.is_tensor_method_or_property(torch.add)
ruled(x, 3.0), torch.ops.{space}lib.ruled(x, k=3.0), torch.ops.{space}lib.ruled.default(x.detach())
ruled(x, 3.0).sum().backward(), x.grad
torch.autograd.grad(torch.ops.{space}lib.ruled(x).sum(), x)
ruled(3)
torch.library.register_kernel("{space}lib::bare", "cpu", lambda x: x + 7), torch.ops.{space}lib.bare(x.detach())
torch.library.register_kernel("{space}lib::bare", "cpu")(lambda x: x + 8), torch.ops.{space}lib.bare(x.detach())
torch.library.register_autograd("{space}lib::nothing", lambda ctx, grad: grad)
torch._C.DispatchKeySet(torch._C.DispatchKey.CPU).has(torch._C.DispatchKey.CPU), torch._C.DispatchKeySet(torch._C.DispatchKey.CPU).has(torch._C.DispatchKey.CUDA)
(torch._C.DispatchKeySet(torch._C.DispatchKey.CPU) | torch._C.DispatchKeySet(torch._C.DispatchKey.CUDA)).has(torch._C.DispatchKey.CUDA)
cast(torch.ones(2)), under_autocast(lambda: cast(torch.ones(2, dtype=torch.float16)))
torch.onnx.register_custom_op_symbolic("{space}::f", len, 11), torch.onnx.symbolic_helper.parse_args("v", "i")(abs_)(-3)
torch.onnx.register_custom_op_symbolic("nothing", len, 11)
torch.jit.annotations.BroadcastingList2[int], torch.jit._script_if_tracing(abs_)(-2), torch._dynamo.utils.is_compile_supported("cpu")
torch._tensor._convert([torch.ones(1)], torch.nn.Parameter), torch._tensor.Tensor is torch.Tensor
torch._utils._flatten_dense_tensors([torch.ones(2, 2), torch.zeros(1)]), torch._utils._unflatten_dense_tensors(torch.arange(5.0), [torch.ones(2, 2), torch.zeros(1)])
torch._utils._get_device_index(3), torch._utils._get_device_index("cuda:1")
torch._utils._get_device_index("cpu")
torch._utils._get_device_index("cpu", allow_cpu=True)
torch.ao.quantization.QuantStub()(x), torch.ao.quantization.DeQuantStub()(x), str(torch.ao.quantization.QuantStub())
[getattr(torch.nn.quantized.FloatFunctional(), n)(x, x) for n in ("add", "mul", "add_relu")], torch.nn.quantized.FloatFunctional().add_scalar(x, 2.0)
torch.nn.quantized.FloatFunctional()(x)
str(torch.ao.nn.quantized.FloatFunctional()), torch.ao.nn.quantized.FloatFunctional().cat([x, x]), torch.nn.quantized.FloatFunctional().matmul(x, x)
torch._custom_ops.infer_schema(a, mutates_args=())
torch._assert(1 > 0, "a"), torch._check(True), torch._check_is_size(3), torch._check_tensor_all(x > 0), torch._shape_as_tensor(torch.ones(2, 3))
torch._assert(False, "a")
torch._assert(x.sum() < 0, "a")
torch._check(False)
torch._check(False, lambda: "told")
torch._check(False, "told")
torch._check(1)
torch._check(x > 0)
torch._check_index(False, lambda: "i")
torch._check_value(False, lambda: "v")
torch._check_type(False, lambda: "t")
torch._check_not_implemented(False, lambda: "n")
torch._check_is_size(-1)
torch._check_is_size(5, max=3)
torch._check_with(KeyError, False, lambda: "k")
torch._check_tensor_all(x < 0, lambda: "all")
torch._check_tensor_all(x)
torch._check_tensor_all(3)
torch._check_tensor_all_with(KeyError, x < 0, lambda: "all")
"""
LOOSE = "nothing", "Tensor", "scale(x, 1.0, 2)", "bare", "strange", "alone", "same", "looking", "ruled(3)", "_get_device_index"    # where PyTorch's text goes on, or names its own files


def shown(x: Any) -> Any:
    if isinstance(x, (torch.Tensor, jtorch.Tensor)):
        return str(x.dtype), tuple(x.shape), "meta" if x.is_meta else x.detach().tolist(), x.requires_grad
    if isinstance(x, (list, tuple)):
        return [shown(item) for item in x]
    return {k: shown(v) for k, v in x.items()} if isinstance(x, dict) else str(x).replace("jtorch._core.dtype", "torch").replace("typing.", "")


def outcomes(module: ModuleType, space: str) -> dict[str, Any]:
    found = {}
    for line in CALLS.strip().split("\n"):
        scope = {"torch": module}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(MAKE.format(space=f"{space}{len(found)}"), scope)
            try:
                found[line] = shown(eval(line.format(space=f"{space}{len(found)}"), scope))
            except Exception as error:
                found[line] = [type(error).__name__, "" if any(part in line for part in LOOSE) else str(error).split("\n")[0][:60]]
    return found


def test_as_in_pytorch() -> None:
    ours, theirs = outcomes(jtorch, "own"), outcomes(torch, "own")
    assert {k: v for k, v in ours.items() if v != theirs[k]} == {k: theirs[k] for k, v in ours.items() if v != theirs[k]}


def test_a_kernel_that_takes_the_place_of_another() -> None:
    library = jtorch.library.Library("placed", "DEF")
    library.define("host(Tensor x) -> Tensor")
    library.impl("host", lambda x: x, "CPU")
    with pytest.warns(UserWarning, match="Overriding a previously registered kernel"):
        library.impl("host", lambda x: x + 1, "CPU")
    with pytest.raises(NotImplementedError, match="jtorch"):
        library.impl("host", lambda keys, x: x, "Meta", with_keyset=True)


def test_a_rule_for_batches() -> None:
    @jtorch.library.custom_op("batches::double", mutates_args=())
    def double(x: jtorch.Tensor) -> jtorch.Tensor:
        return jtorch.from_numpy(2 * x.numpy())
    double.register_vmap(lambda info, in_dims, x: (2 * x, in_dims[0]))
    assert jtorch.vmap(double)(jtorch.arange(3.0)).tolist() == [0, 2, 4]


# ---- futures

STORY = """
F = torch.futures.Future
f = F(); g = f.then(lambda x: x.value() + 1); say(f.done(), g.done()); f.set_result(3); say(f.done(), f.value(), f.wait(), g.wait())
f.set_result(4)
f = F(); f.set_exception(ValueError("a")); say(f.done()); f.wait()
f = F(); f.set_exception(ValueError("a")); f.value()
a, b = F(), F(); c = torch.futures.collect_all([a, b]); a.set_result(1); say(c.done()); b.set_result(2); say(c.done(), [x.value() for x in c.wait()])
say(torch.futures.wait_all([a, b]), torch.futures.collect_all([]).wait())
F().set_exception("a")
f = F(); f.add_done_callback(lambda x: say("called", x.value())); f.set_result(1); f.add_done_callback(lambda x: say("again"))
f = F(); g = f.then(lambda x: x.wait()); f.set_exception(KeyError("k")); say(g.done())
"""


def story(module: ModuleType) -> list:
    said: list = []
    scope = {"torch": module, "say": lambda *x: said.append(x)}
    for line in STORY.strip().split("\n"):
        try:
            exec(line, scope)
        except Exception as error:
            said.append((type(error).__name__, str(error)))
    return said


def test_futures() -> None:
    assert story(jtorch) == story(torch)


def test_a_future_of_another_thread() -> None:
    future: futures.Future[int] = futures.Future()
    threading.Timer(0.05, future.set_result, [7]).start()
    assert future.then(lambda f: f.wait() + 1).wait() == 8
    failed = jtorch.futures.Future()
    following = failed.then(lambda f: 1 / 0)
    failed.set_result(1)
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        following.wait()


# ---- what says that it is not there

@pytest.mark.parametrize("code, kind", [
    ("torch.fx.symbolic_trace(torch.nn.Linear(1, 1))", NotImplementedError), ("torch.fx.Tracer()", NotImplementedError),
    ("torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))", RuntimeError), ("torch.onnx.export(1)", NotImplementedError),
    ("torch.ops.load_library('x.so')", OSError), ("torch.cuda.CUDAGraph()", RuntimeError), ("torch.cuda.graph(None)", RuntimeError),
    ("torch.library.triton_op('a::b', mutates_args=())", NotImplementedError), ("torch.ops.aten._to_copy(1)", NotImplementedError)])
def test_absent(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="jtorch"):
        eval(code, {"torch": jtorch})


def test_settings_of_the_compiler() -> None:
    config = jtorch._dynamo.config
    config.suppress_errors = True
    with config.patch(cache_size_limit=3, suppress_errors=False):
        assert config.cache_size_limit == 3 and not config.suppress_errors
    assert config.suppress_errors and not config.cache_size_limit


def test_modules_in_threads() -> None:
    """PyTorch's own take accelerators only."""
    net = jtorch.nn.Sequential(jtorch.nn.Linear(2, 2), jtorch.nn.BatchNorm1d(2))
    x = jtorch.randn(4, 2)
    copies = jtorch.nn.parallel.replicate(net, ["cpu", "cpu"])
    assert not list(copies[0].parameters()) and list(copies[0].buffers())
    first, second = jtorch.nn.parallel.parallel_apply(copies, [(x,), x], [{}, {}])
    assert jtorch.equal(first, second)
    (first.square().sum() + second.square().sum()).backward()
    shared = net[0].weight.grad
    net.zero_grad()
    (net(x).square().sum() * 2).backward()
    np.testing.assert_allclose(shared.numpy(), net[0].weight.grad.numpy(), atol=1e-6)
    with pytest.raises(RuntimeError):
        jtorch.nn.parallel.parallel_apply([net, net], [x, jtorch.ones(1, 3)])
    with pytest.raises(ValueError, match="2 modules, 1 inputs"):
        jtorch.nn.parallel.parallel_apply([net, net], [x])


def test_splitting_over_devices() -> None:
    """PyTorch's own takes GPUs only."""
    parallel = jtorch.nn.parallel.scatter_gather
    first, second = parallel.scatter((jtorch.arange(5), {"a": [jtorch.ones(4, 2)]}, 3), ["cpu", "cpu"])
    assert [x.tolist() for x in (first[0], second[0])] == [[0, 1, 2], [3, 4]] and second[1]["a"][0].shape == (2, 2) and first[2] == second[2] == 3
    given, named = parallel.scatter_kwargs((jtorch.arange(4),), {"k": jtorch.arange(1)}, ["cpu", "cpu"])
    assert [x[0].tolist() for x in given] == [[0, 1], [2, 3]] and named[0]["k"].tolist() == [0] and named[1] == {}
    whole = parallel.gather([(jtorch.ones(2), {"a": jtorch.ones(1, 3)}, jtorch.tensor(1.0)), (jtorch.zeros(1), {"a": jtorch.zeros(2, 3)}, jtorch.tensor(2.0))], "cpu")
    assert whole[0].tolist() == [1, 1, 0] and whole[1]["a"].shape == (3, 3) and whole[2].tolist() == [1, 2]
    named = collections.namedtuple("named", "a b")(jtorch.arange(4), jtorch.ones(2))
    first, second = jtorch.nn.parallel.scatter(named, ["cpu", "cpu"])
    np.testing.assert_array_equal(second.a.numpy(), [2, 3])
    assert type(first) is type(named)
