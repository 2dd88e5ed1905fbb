"""`torch.utils.flop_counter`: both frameworks count the same for the same programs, by module and operator; where they differ on purpose, by how much."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.utils.flop_counter

import jtorch
import jtorch.utils.flop_counter

BOTH = torch, jtorch
MM, BMM = ("aten.mm", 2), ("aten.bmm", 2)

# what is called on a(*sizes), which makes tensors, in both frameworks
FUNCTIONS = """
a(2, 3) @ a(3, 5)
a(2, 3) @ a(3)
a(3) @ a(3)
a(3) @ a(3, 2)
a(4, 2, 3) @ a(3, 5)
a(4, 2, 3) @ a(3)
a(2, 4, 2, 3) @ a(4, 3, 5)
T.mm(a(2, 3), a(3, 5))
T.mv(a(2, 3), a(3))
T.outer(a(2), a(3))
T.bmm(a(4, 2, 3), a(4, 3, 5))
T.baddbmm(a(4, 2, 5), a(4, 2, 3), a(4, 3, 5))
T.addmm(a(5), a(2, 3), a(3, 5))
T.einsum("bij,bjk->bik", a(4, 2, 3), a(4, 3, 5))
T.einsum("ij,jk,kl->il", a(2, 3), a(3, 5), a(5, 6))
T.tensordot(a(2, 3, 4), a(3, 4, 5), 2)
T.inner(a(2, 3), a(4, 3))
T.linalg.multi_dot([a(2, 3), a(3, 4), a(4, 5)])
T.linalg.matrix_power(a(3, 3), 3)
T.cov(a(3, 5))
F.linear(a(7, 3), a(5, 3), a(5))
F.linear(a(2, 7, 3), a(5, 3))
F.linear(a(3), a(5, 3), a(5))
F.bilinear(a(7, 3), a(7, 4), a(5, 3, 4), a(5))
a(2, 3) * a(2, 3)
F.conv1d(a(2, 4, 20), a(6, 4, 3))
F.conv2d(a(2, 4, 20, 10), a(6, 4, 3, 3), a(6))
F.conv2d(a(2, 4, 20, 10), a(6, 4, 3, 3), a(6), stride=2, padding=1)
F.conv2d(a(2, 4, 20, 10), a(6, 2, 3, 3), a(6), groups=2)
F.conv2d(a(2, 4, 20, 10), a(6, 4, 3, 3), dilation=2)
F.conv2d(a(2, 4, 20, 10), a(6, 4, 2, 2), padding="same")
F.conv2d(a(4, 20, 10), a(6, 4, 3, 3))
F.conv3d(a(2, 4, 20, 10, 5), a(6, 4, 3, 3, 2))
F.conv_transpose1d(a(2, 4, 20), a(4, 6, 3))
F.conv_transpose2d(a(2, 4, 20, 10), a(4, 6, 3, 3), a(6), stride=2, padding=1, output_padding=1)
F.conv_transpose2d(a(2, 4, 20, 10), a(4, 3, 3, 3), a(6), stride=2, groups=2)
F.scaled_dot_product_attention(a(2, 4, 10, 8), a(2, 4, 12, 8), a(2, 4, 12, 6))
F.scaled_dot_product_attention(a(4, 10, 8), a(4, 12, 8), a(4, 12, 8))
F.scaled_dot_product_attention(a(2, 4, 10, 8), a(2, 4, 12, 8), a(2, 4, 12, 8), dropout_p=0.5)
F.max_pool2d(a(1, 2, 6, 6), 2)
""".strip().split("\n")


def counted(T: ModuleType, program: Callable[[], Any], **options: Any) -> dict[str, dict[str, int]]:
    """The counts of a program, by names."""
    with T.utils.flop_counter.FlopCounterMode(display=False, **options) as mode:
        program()
    assert mode.get_total_flops() == sum(mode.get_flop_counts()["Global"].values())
    return {name: {str(packet): n for packet, n in counts.items()} for name, counts in mode.get_flop_counts().items()}


def same(program: Callable[[ModuleType], Callable[[], Any]], names: bool = True) -> dict:
    """What both count, compared by operator, or by module only where the `names` depend on how tensors lie in memory."""
    theirs, ours = (counted(T, program(T)) for T in BOTH)
    if not names:
        theirs, ours = ({name: sum(counts.values()) for name, counts in found.items()} for found in (theirs, ours))   # type: ignore[misc]
    assert ours == theirs
    return ours


def of(source: str, passes: str) -> Callable[[ModuleType], Callable[[], Any]]:
    """A line of the table as a program: without or with gradients, or with a backward pass."""
    def program(T: ModuleType) -> Callable[[], Any]:
        known = {"T": T, "F": T.nn.functional, "a": lambda *sizes: T.randn(*sizes, requires_grad=passes != "without")}
        return lambda: eval(source, known).sum().backward() if passes == "backward" else eval(source, known)
    return program


@pytest.mark.parametrize("passes", ["without", "forward", "backward"])
@pytest.mark.parametrize("source", FUNCTIONS)
def test_function(source: str, passes: str) -> None:
    same(of(source, passes))


def mlp(T: ModuleType) -> Any:
    class MLP(T.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer1, self.act, self.layer2 = T.nn.Linear(10, 20), T.nn.ReLU(), T.nn.Linear(20, 5, bias=False)
            self.seq = T.nn.Sequential(T.nn.Linear(5, 5), T.nn.Sequential(T.nn.Linear(5, 4)))

        def forward(self, x: Any) -> Any:
            return self.seq(self.layer2(self.act(self.layer1(x))))
    return MLP()


def trained(T: ModuleType) -> Callable[[], Any]:
    net, x = mlp(T), T.randn(7, 10)
    return lambda: net(x).sum().backward()


def interrupted(T: ModuleType) -> Callable[[], Any]:
    """Looks at values within the forward pass and between the passes: what is recorded so far runs."""
    net, x = mlp(T), T.randn(7, 10, requires_grad=True)

    def program() -> None:
        for _ in range(2):
            hidden = net.layer2(net.layer1(x).relu())
            assert hidden.sum().item() < 1e9
            loss = net.seq(hidden).sum()
            loss.item()
            loss.backward()
    return program


def hooked(T: ModuleType) -> Callable[[], Any]:
    """The backward pass walks step by step."""
    net, x = mlp(T), T.randn(7, 10)

    def watch(module: Any, given: Any, made: Any) -> None:
        made.register_hook(lambda g: g * 2)
    net.act.register_forward_hook(watch)
    return lambda: net(x).sum().backward()


def updated(T: ModuleType) -> Callable[[], Any]:
    net, x = mlp(T), T.randn(7, 10)
    optimizer = T.optim.Adam(net.parameters())

    def program() -> None:
        for _ in range(3):
            optimizer.zero_grad()
            net(x).sum().backward()
            optimizer.step()
    return program


def partial_gradient(T: ModuleType) -> Callable[[], Any]:
    net, x = mlp(T), T.randn(7, 10, requires_grad=True)
    return lambda: T.autograd.grad(net(x).sum(), [net.layer2.weight])


def double_backward(T: ModuleType) -> Callable[[], Any]:
    w = T.randn(3, 3, requires_grad=True)

    def program() -> None:
        a = T.randn(2, 3, requires_grad=True)
        g, = T.autograd.grad((a @ w).pow(2).sum(), a, create_graph=True)
        g.sum().backward()
    return program


def only_backward(T: ModuleType) -> Callable[[], Any]:
    loss = mlp(T)(T.randn(7, 10)).sum()
    return lambda: loss.backward()


def batched(T: ModuleType) -> Callable[[], Any]:
    w = T.randn(3, 3)
    return lambda: (T.vmap(lambda a: a @ w)(T.randn(5, 2, 3)), T.func.grad(lambda a: (a @ w).sum())(T.randn(2, 3)))


def frozen(T: ModuleType) -> Callable[[], Any]:
    a, b = T.randn(2, 4, 9, 9), T.randn(6, 4, 3, 3)

    def program() -> None:
        for given in ((a.clone().requires_grad_(), b, None), (a, b.clone().requires_grad_(), None), (a, b, T.zeros(6, requires_grad=True))):
            T.nn.functional.conv2d(*given).sum().backward()
    return program


def cnn(T: ModuleType) -> Callable[[], Any]:
    nn = T.nn
    net = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=4, dilation=2),
                        nn.ConvTranspose2d(8, 4, 4, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
    x, y = T.randn(2, 3, 32, 32), T.tensor([1, 2])
    return lambda: nn.functional.cross_entropy(net(x), y).backward()


def shared(T: ModuleType) -> Callable[[], Any]:
    """A layer that is called alone, twice in a network, and within another module that is not its parent."""
    net, x = mlp(T), T.randn(7, 10)

    class Caller(T.nn.Module):
        def forward(self, x: Any) -> Any:
            return net.layer1(x) + net.layer1(x)
    return lambda: (net.layer1(x), net(x), Caller()(x).sum().backward())


def failing(T: ModuleType) -> Callable[[], Any]:
    net = T.nn.Sequential(T.nn.Linear(3, 3), T.nn.Linear(4, 4))

    def program() -> None:
        with pytest.raises(RuntimeError):
            net(T.ones(2, 3))
    return program


@pytest.mark.parametrize("program", [trained, interrupted, hooked, updated, partial_gradient, double_backward, only_backward, batched, frozen, cnn, shared, failing],
                         ids=lambda p: p.__name__)
def test_program(program: Callable[[ModuleType], Callable[[], Any]]) -> None:
    assert sum(same(program)["Global"].values()) > 0


@pytest.mark.parametrize("backward", [False, True])
def test_attention_module(backward: bool) -> None:
    """PyTorch's names depend on whether the input lies in order."""
    def program(T: ModuleType) -> Callable[[], Any]:
        layer, x = T.nn.MultiheadAttention(8, 2, batch_first=True), T.randn(3, 5, 8, requires_grad=True)
        return lambda: layer(x, x, x)[0].sum().backward() if backward else layer(x, x, x)
    same(program, names=False)


def test_encoder_layer() -> None:
    def program(T: ModuleType) -> Callable[[], Any]:
        layer, x = T.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), T.randn(3, 5, 8)
        return lambda: layer(x).sum().backward()
    same(program, names=False)


@pytest.mark.parametrize("kind", ["GRU", "RNN"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}])
def test_recurrent(kind: str, options: dict) -> None:
    """Forward as in PyTorch; backward more by the gradient of the initial state, which is a product of one step for each direction of each layer."""
    def program(T: ModuleType, backward: bool) -> Callable[[], Any]:
        layer, x = getattr(T.nn, kind)(4, 6, **options), T.randn(7, 3, 4)
        return lambda: layer(x)[0].sum().backward() if backward else layer(x)
    same(lambda T: program(T, False))
    theirs, ours = (sum(counted(T, program(T, True))["Global"].values()) for T in BOTH)
    assert ours - theirs == (4 if options.get("num_layers") else 1) * 2 * 3 * 6 * 6 * (3 if kind == "GRU" else 1)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cell(kind: str) -> None:
    def program(T: ModuleType) -> Callable[[], Any]:
        layer, x = getattr(T.nn, kind)(4, 6), T.randn(3, 4)
        return lambda: layer(x)
    same(program)


def test_what_pytorch_hides() -> None:
    """Products inside PyTorch's kernels for the CPU: attention as its formula for the GPU has it, an LSTM as four times a simple RNN."""
    q, k, v = (2, 4, 10, 8), (2, 4, 12, 8), (2, 4, 12, 8)
    attention = counted(jtorch, lambda: jtorch.nn.functional.scaled_dot_product_attention(*[jtorch.randn(*s) for s in (q, k, v)]))
    assert attention == {"Global": {"aten.bmm": torch.utils.flop_counter.sdpa_flop_count(q, k, v)}}
    lstm, rnn = (counted(jtorch, lambda: layer(jtorch.randn(7, 3, 4)))["Global"]["aten.addmm"] for layer in (jtorch.nn.LSTM(4, 6), jtorch.nn.RNN(4, 6)))
    assert lstm == 4 * rnn


TABLE = """
Module           FLOP    % Total
------------  -------  ---------
MLP           11.690K    100.00%
- aten.addmm   3.430K     29.34%
- aten.mm      8.260K     70.66%
MLP.layer1     5.600K     47.90%
- aten.addmm   2.800K     23.95%
- aten.mm      2.800K     23.95%
MLP.layer2     4.200K     35.93%
- aten.mm      4.200K     35.93%
MLP.seq        1.890K     16.17%
- aten.addmm   0.630K      5.39%
- aten.mm      1.260K     10.78%
""".strip()
FLAT = """
Module           FLOP    % Total
------------  -------  ---------
Global        11.690K    100.00%
- aten.addmm   3.430K     29.34%
- aten.mm      8.260K     70.66%
""".strip()
EMPTY = "Module      FLOP    % Total\n--------  ------  ---------\nGlobal         0         0%"


def test_table(capsys: pytest.CaptureFixture) -> None:
    """As PyTorch prints it where the package `tabulate` is installed, which jtorch does not need."""
    with jtorch.utils.flop_counter.FlopCounterMode() as mode:
        trained(jtorch)()
    assert capsys.readouterr().out == TABLE + "\n" == mode.get_table() + "\n"
    assert mode.get_table(0) == FLAT
    assert mode.get_table(1) == FLAT.replace("Global", "MLP   ")
    assert "MLP.seq.1.0" in mode.get_table(10)
    assert jtorch.utils.flop_counter.FlopCounterMode(display=False).get_table() == EMPTY
    with jtorch.utils.flop_counter.FlopCounterMode(display=False, depth=None) as small:
        jtorch.nn.Linear(2, 3)(jtorch.ones(4, 2))
    assert small.get_table().splitlines()[2:] == ["Linear            48    100.00%", "- aten.addmm      48    100.00%"]


def outcome(T: ModuleType, source: str) -> Any:
    """What an expression of the module gives, or its error."""
    C = T.utils.flop_counter
    ops = T.ops.aten
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            made = eval(source, {"T": T, "C": C, "M": C.FlopCounterMode, "ops": ops, "ones": T.ones, "f": lambda *a, **k: 1})
    except (TypeError, ValueError, RuntimeError, AttributeError, AssertionError) as error:
        return type(error).__name__, str(error)
    return made if isinstance(made, int | str | list | tuple) else type(made).__name__, [str(w.message) for w in warned if w.category is UserWarning]


EXPRESSIONS = """
M(foo=1)
M(None, 1, False, {}, 5)
M(custom_mapping=3)
M(T.nn.Linear(2, 2))
M().__exit__(None, None, None)
C.register_flop_formula("mm")(f)
C.register_flop_formula([3])(f)
C.register_flop_formula(ops.mm)(f)
C.register_flop_formula(ops.convolution_backward)(f)
C.mm_flop((2, 3), (3, 4))
C.mm_flop(ones(2, 3), ones(3, 4))
C.mm_flop((2, 3), (4, 4))
C.mm_flop((2,), (3, 4))
C.addmm_flop((4,), (2, 3), (3, 4))
C.bmm_flop((5, 2, 3), (5, 3, 4))
C.bmm_flop((5, 2, 3), (6, 3, 4))
C.baddbmm_flop((4,), (5, 2, 3), (5, 3, 4))
C.conv_flop_count([2, 4, 9, 9], [6, 2, 3, 3], [2, 6, 7, 7])
C.conv_flop_count([2, 4, 9, 9], [4, 3, 3, 3], [2, 6, 7, 7], True)
C.conv_flop((2, 4, 9, 9), (6, 4, 3, 3), None, 1, 0, 1, False, out_val=ones(2, 6, 7, 7))
C.conv_backward_flop((2, 6, 7, 7), (2, 4, 9, 9), (6, 4, 3, 3), None, 1, 0, 1, False, 0, 1, (True, True, True), out_val=(ones(2, 4, 9, 9), ones(6, 4, 3, 3), ones(6)))
C.conv_backward_flop((2, 6, 7, 7), (2, 4, 9, 9), (6, 2, 3, 3), None, 1, 0, 1, False, 0, 2, (False, True, True), out_val=(None, ones(6, 2, 3, 3), ones(6)))
C.sdpa_flop_count((2, 4, 10, 8), (2, 4, 12, 8), (2, 4, 12, 6))
C.sdpa_flop_count((2, 4, 10, 8), (2, 2, 12, 8), (2, 2, 12, 8))
C.sdpa_flop_count((4, 10, 8), (4, 12, 8), (4, 12, 8))
C.sdpa_flop((2, 4, 10, 8), (2, 4, 12, 8), (2, 4, 12, 8), True)
C.sdpa_backward_flop_count((2, 4, 10, 6), (2, 4, 10, 8), (2, 4, 12, 8), (2, 4, 12, 6))
sorted(str(k) for k in C.flop_registry if k in (ops.mm, ops.addmm, ops.bmm, ops.baddbmm, ops.convolution, ops.convolution_backward))
[(C.get_suffix_str(n), C.convert_num_with_suffix(n, C.get_suffix_str(n))) for n in (0, 1, 999, 1500, 99999, 10**6, 10**9 - 1, 10**12, 10**15, 10**19)]
C.convert_to_percent_str(1, 3), C.convert_to_percent_str(1, 0)
""".strip().split("\n")


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_expression(source: str) -> None:
    assert outcome(jtorch, source) == outcome(torch, source)


def test_formulas_of_ones_own() -> None:
    """For operators of PyTorch's, of shapes and of tensors, and for one that `torch.library` made."""
    def raw(*args: Any, out_val: Any, **kwargs: Any) -> int:
        return out_val.numel() * 100
    raw._get_raw = True                                      # type: ignore[attr-defined]
    found = []
    for T in BOTH:
        def twice(x: Any) -> Any:
            return x @ x
        twice.__annotations__ = {"x": T.Tensor, "return": T.Tensor}
        twice = T.library.custom_op("flops::twice", twice, mutates_args=())

        def formula(x_shape: Any, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
            return x_shape[0] * out_shape[1] * 1000

        def program(T: ModuleType = T, twice: Any = twice) -> None:
            x = T.ones(3, 3)
            T.ones(3) + 1, x * 2.5, twice(x), T.ops.flops.twice(x), x @ x
        mapping = {T.ops.aten.add: raw, T.ops.aten.mul: lambda a, b, out_shape, **k: a[0] * 7 + b * 2, T.ops.flops.twice: formula}
        found.append(counted(T, program, custom_mapping=mapping))
    assert found[0] == found[1] == {"Global": {"aten.add": 300, "aten.mul": 26, "flops.twice": 18000, "aten.mm": 54}}


def test_again_and_nested() -> None:
    """A mode starts anew each time; one inside another counts for both; it can be asked while it counts."""
    for T in BOTH:
        x, M = T.ones(2, 2), T.utils.flop_counter.FlopCounterMode
        outer, inner = M(display=False), M(display=False)
        for _ in range(2):
            with outer:
                x @ x
                with inner:
                    x @ x
                assert (inner.get_total_flops(), outer.get_total_flops()) == (16, 32)
                x @ x
            assert (inner.get_total_flops(), outer.get_total_flops()) == (16, 48)
        assert outer.get_flop_counts()["Global"][T.ops.aten.mm] == 48


def test_nothing_is_left_behind() -> None:
    """After an error inside the block, too, nothing is watched any more."""
    mode = jtorch.utils.flop_counter.FlopCounterMode(display=False)
    with pytest.raises(KeyError), mode:
        jtorch.ones(2, 2) @ jtorch.ones(2, 2)
        raise KeyError
    jtorch.ones(2, 2) @ jtorch.ones(2, 2)
    assert mode.get_total_flops() == 16
    assert not jtorch._core.run.leaving and not jtorch.ops.AROUND
