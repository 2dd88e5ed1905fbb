"""How functions may be called: NumPy's names for arguments, numbers of every kind, `out=`, wrong arguments, settings.  Both run each row."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

SETUP = """
x, y = torch.arange(12.0).reshape(3, 4) / 7, torch.arange(12.0).reshape(3, 4).flip(0)
k, p = torch.tensor([2, 0, 1]), torch.tensor(2)
leaf = torch.ones(3, 4).requires_grad_()
def empty(kind="float32", *shape):
    return torch.empty(shape or (0,), dtype=getattr(torch, kind))
def told(f):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        f()
    return [(str(w.message).split("(Triggered")[0].strip(), w.category.__name__) for w in seen]
"""
CODE = [
    # NumPy's names
    "torch.sum(x, axis=0)", "x.sum(axis=1, keepdims=True)", "x.mean(axis=(0, 1))", "torch.add(x1=x, x2=y)", "torch.max(x, axis=1).values",
    "x.std(axis=0)",
    "torch.cat([x, y], axis=1)", "torch.stack((x, y), axis=-1)", "x.softmax(axis=0)", "x.unsqueeze(axis=0)", "x.argmax(axis=1)",
    "torch.mul(input=x, other=2)",
    "x.cumsum(axis=1)", "torch.squeeze(x[None], axis=0)", "x.norm(dim=1, keepdim=True)", "torch.sort(x, axis=0).indices", "x.flip(dims=(0,))",
    "x.all(axis=0)",
    # numbers
    "x + np.float64(2)", "np.float32(2) * x", "x * np.int64(3)", "x ** np.int32(2)", "x + True", "x.sum(np.int64(1))", "torch.topk(x, p)",
    "x.tril(p)",
    "torch.full((2,), np.float32(0.5))", "x.view(np.int64(4), 3)", "x.reshape(p + 1, 4)", "x.repeat(p, 1)", "torch.zeros(p, 3)",
    "x.expand(2, *x.shape)",
    "x[p]", "x[np.int64(1)]", "x.clamp(np.float32(0.3), 1)", "torch.add(x, y, alpha=p)", "x.add(y, alpha=np.float64(0.5))",
    "torch.where(x > 1, np.float32(0), x)",
    "x.permute(2 - 1, 0)", "x.permute((1, 0))", "x.permute([1, 0])", "x.view([4, 3])", "x.sum([0, 1])", "x.sum(dim=torch.Size([0]))",
    "k + np.array([1, 2, 3])",
    "x.pow(p)", "x.roll(np.int64(1), 0)", "torch.arange(p)", "torch.linspace(0, 1, p)", "torch.eye(p)", "torch.ones(np.int64(2))", "x.chunk(p)[0]",
    "x.unsqueeze(np.int64(0))", "x.transpose(np.int64(0), 1)", "x.narrow(0, p - 1, 2)", "x.select(0, p)", "x.split(p)[0]", "x.gather(0, k[None])",
    "x.masked_fill(x > 1, p)",
    # out=
    "torch.add(x, y, out=empty())", "torch.add(x, 1, out=empty('float64'))", "torch.add(x, 1, out=empty('int64'))",
    "torch.mm(x, y.T, out=empty('float64'))",
    "torch.max(x, 1, out=(empty(), empty('int64')))", "torch.max(x, 1, out=empty())", "torch.add(leaf, 1, out=empty())", "torch.add(x, 1, out=leaf)",
    "torch.add(x, 1, out=(empty(),))", "torch.sort(x, out=(empty('float64'), empty('int64')))", "torch.argmax(x, out=empty())",
    "torch.eq(x, y, out=empty())",
    "torch.sum(x, 0, out=empty('float64'))", "torch.cat([x, y], out=empty('float64'))", "torch.where(x > 1, x, y, out=empty('float64'))",
    "torch.zeros(2, out=empty())",
    "told(lambda: torch.add(x, y, out=empty('float32', 2)))", "told(lambda: torch.add(x, y, out=empty()))", "torch.arange(3, out=empty('int64'))",
    # wrong arguments
    "torch.sum()", "torch.sum(x, foo=1)", "torch.add(x)", "x.softmax()", "torch.sum(3.0)", "torch.sum('a')", "torch.sum(x, 'a')",
    "torch.topk(x, 1.5)", "x.topk()",
    "torch.add(x, 'a')", "x + 'a'", "x.view('a')", "torch.sin(1.0)", "x.sum(0, 1, 2, 3)", "x.masked_fill(x > 1)", "torch.add(x, y, alpha='a')",
    "torch.matmul(x, 2)", "x @ 2", "torch.cat(x, y)", "torch.stack(1)", "x.transpose(0)", "torch.std(x, unbiased=2.5)", "x.all(0.5)",
    "torch.add(x, None)",
    # numbers first, as in PyTorch's past
    "torch.add(x, 3, y), torch.sub(x, 3, y), x.add(3, y), x.clone().add_(0.5, y)", "torch.addcdiv(x, 0.5, y, y + 1), x.addcmul(2, x, y)",
    "x.clone().addcdiv_(0.1, x, y + 1)", "torch.addmm(2, x, 3, x, torch.ones(4, 4)), torch.addmm(2, x, x, torch.ones(4, 4))",
    "x.addmm(2, x, torch.ones(4, 4)), x.clone().addmm_(2, 3, x, torch.ones(4, 4))", "torch.addmv(2, torch.ones(3), 3, torch.ones(3, 4), torch.ones(4))", "torch.add(x, 3, y, out=empty())",
    "torch.addr(2, torch.ones(4, 4), x[0], x[1]), torch.baddbmm(2, x[None], 0.5, x[None], torch.ones(1, 4, 4))", "torch.addmm(x, 2, x, x)",
    "torch.add(2, x, y)", "x.add(x, 2, y)", "torch.mul(x, 2, y)", "torch.add(3, 3, y, x, x)",
    # types of elements
    *[f"torch.tensor({data})" for data in (
        "[k[0], k[1]]", "[x[:1, 0], 2.5]", "[x[0]]", "[x[:0, 0]]", "[[x[0, :1]], [x[1, :1]]]", "[x[0, 0].double(), 2.5]", "[x[0, 0].half(), 2]",
        "[x[0, 0].half(), 2.5]", "[x[0, 0].half(), k[0].int()]", "[np.float64(1)]", "[1, np.float64(0.5)]", "[1.5, np.float32(1)]", "[np.int32(1)]",
        "[np.int32(1), 1]", "[np.uint8(1), np.int32(2)]", "[np.ones(2)]", "[np.ones(2, np.float32), np.ones(2)]", "[np.ones(2, np.int32), [1, 2]]",
        "[True, np.float16(1)]", "[[1, 2], [3.5, 4]]", "[True, 2]", "[np.bool_(1), False]", "[np.int32(300)], dtype=torch.uint8",
        "[np.float64(1.7)], dtype=torch.int64", "[1.7, x[0, 0]], dtype=torch.float64", "[k[:1], [1]]")],
    "torch.FloatTensor([x[0, :1], 2]), torch.Tensor([np.float64(0.5), 1])", "torch.as_tensor([np.float64(0.5), 1]), x.new_tensor([np.float64(0.5)])",
    # settings
    "torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode()",
    "torch.use_deterministic_algorithms(True, warn_only=True), torch.get_deterministic_debug_mode(), torch.use_deterministic_algorithms(False)",
    "torch.set_deterministic_debug_mode('warn'), torch.is_deterministic_algorithms_warn_only_enabled(), torch.set_deterministic_debug_mode(0)",
    "torch.set_deterministic_debug_mode('x')", "torch.use_deterministic_algorithms('x')", "torch.set_deterministic_debug_mode(7)",
    "torch.get_float32_matmul_precision()", "torch.set_float32_matmul_precision('high'), torch.get_float32_matmul_precision()",
    "torch.set_float32_matmul_precision('highest'), torch.get_float32_matmul_precision()", "told(lambda: torch.set_float32_matmul_precision('x'))",
    "torch.set_default_tensor_type(torch.DoubleTensor), torch.ones(1).dtype == torch.float64, torch.set_default_tensor_type('torch.FloatTensor')",
    "torch.set_default_tensor_type(torch.LongTensor)", "torch.is_warn_always_enabled()", "torch.set_num_threads(0)", "torch.set_num_threads('a')",
    # memory of others
    "torch.frombuffer(bytearray(b'abcd'), dtype=torch.uint8)", "torch.frombuffer(bytearray(b'abcd1234'), dtype=torch.int16, count=2, offset=2)",
    "torch.frombuffer(b'', dtype=torch.uint8)", "torch.frombuffer(bytearray(b'abc'), dtype=torch.int16)",
    "torch.frombuffer(bytearray(4), dtype=torch.int16, count=4)",
    "torch.frombuffer(bytearray(4), dtype=torch.int16, offset=9)", "torch.frombuffer(bytearray(8), dtype=torch.float32, requires_grad=True)",
    "[b := bytearray(4), t := torch.frombuffer(b, dtype=torch.uint8), b.__setitem__(0, 7), t][-1]",
    "torch.from_dlpack(np.arange(3.0))", "torch.from_dlpack(x)", "[a := np.arange(3.0), t := torch.from_dlpack(a), a.__setitem__(0, 7.0), t][-1]",
    "torch.from_dlpack(3)",
    "np.from_dlpack(k).tolist()",
    # tensors about themselves
    "x.layout == torch.strided, repr(x.layout)", "x.name", "x.is_xpu", "x.dim_order(), x.T.dim_order()", "x.to_dense() is x",
    "x.to_dense(torch.float64)",
    "x.new(2, 3).shape", "x.new([1, 2])", "k.new([1.5, 2])", "+x is x", "+(x > 1)", "x.positive() is x", "list(reversed(x))[0]", "reversed(x)",
    "torch.is_same_size(x, y), x.is_same_size(k)", "torch.numel(x)", "x.new_empty_strided((2, 3), (1, 2)).stride()",
    "torch.empty_permuted((2, 3), (1, 0)).stride()",
    "[m := torch.ones(3, 3), m.fill_diagonal_(5)][-1]", "torch.ones(7, 3).fill_diagonal_(0, wrap=True)", "torch.ones(2, 2, 2).fill_diagonal_(0)",
    "torch.ones(3).fill_diagonal_(0)", "torch.ones(2, 3, 2).fill_diagonal_(0)", "[m := torch.arange(6.0), m.as_strided_((2, 2), (2, 1)), m][-1]",
    "[m := x.clone(), torch.relu_(m), torch.exp_(m), torch.clamp_(m, 0, 2), m][-1]", "torch.fill_(x.clone(), 3)", "torch.zero_(x.clone())",
    "[m := torch.arange(6), m.resize_(2), m.resize_(5)][-1]", "[m := torch.arange(6).view(2, 3), v := m[1], v.resize_(2), v.fill_(9), m][-1]",
    "[m := torch.arange(6), m.resize_(1, 2).add_(5), m.resize_(2, 3)][-1]", "[m := torch.arange(4), m[1:].resize_(3), m.resize_(8)[:4]][-1]",
    "[a := np.ones(3, np.float32), t := torch.Tensor(a), a.__setitem__(1, 7), t][-1]", "[a := np.ones(3), t := torch.Tensor(a), a.__setitem__(1, 7), t][-1]",
    "[a := np.ones(3), t := torch.DoubleTensor(a), a.__setitem__(1, 7), t][-1]", "setattr(leaf, 'data', k)", "repr(torch.set_grad_enabled(True))",
    "[s.shape for s in torch.svd_lowrank(torch.randn(6, 4), 2)]", "[s.shape for s in torch.pca_lowrank(torch.randn(4, 6))]",
    "[m := torch.randn(8, 3) @ torch.randn(3, 5), r := torch.svd_lowrank(m, 3), (r[0] * r[1] @ r[2].T - m).abs().max() < 1e-4][-1]",
]


def shown(value: Any) -> Any:
    """A result as something that both frameworks' results can be compared by."""
    if isinstance(value, (torch.Tensor, jtorch.Tensor)):
        return str(value.dtype), tuple(value.shape), np.asarray(value.detach().tolist()).round(5).tolist(), value.requires_grad
    if isinstance(value, (tuple, list)):
        return [shown(v) for v in value]
    return value.tolist() if isinstance(value, np.generic) else value if isinstance(value, (bool, int, float, str, type(None))) else None


def outcome(module: object, code: str) -> Any:
    """What an expression gives, or the class of its error."""
    scope = {"torch": module, "np": np, "warnings": warnings}
    module.manual_seed(0)
    exec(SETUP, scope)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return shown(eval(code, scope))
        except Exception as error:
            return type(error).__name__


@pytest.mark.parametrize("code", CODE)
def test_code(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)
