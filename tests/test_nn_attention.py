"""`torch.nn.attention` in both frameworks: values, types and shapes, gradients, what is printed, and the first line of each error.

PyTorch gives no gradients of flex_attention on the CPU: there its own softmax and products of matrices are the oracle.
"""
from __future__ import annotations

import importlib
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax._src.cudnn import fused_attention_stablehlo
from jax.experimental.pallas import tpu as pallas

import jtorch
from jtorch._functions import attention as attention_functions
from jtorch._ops import fused, tiles
from jtorch._ops.attention import scaled_dot_product_attention_apply

SIZES = {"q": (2, 4, 6, 8), "k": (2, 4, 5, 8), "v": (2, 4, 5, 3), "k2": (2, 2, 5, 8), "v2": (2, 2, 5, 3), "k1": (1, 4, 5, 8), "v1": (1, 4, 5, 3), "s": (2, 4, 6, 8),
         "bias": (6, 6), "heads": (4,), "wide": (1, 1, 300, 4)}


def scope(framework: ModuleType, kind: str = "float32", grad: bool = False) -> dict[str, Any]:
    """The names of the cases below."""
    module = framework.nn.attention
    flex, bias = (importlib.import_module(f"{framework.__name__}.nn.attention.{name}") for name in ("flex_attention", "bias"))
    rng = np.random.default_rng(0)
    names = {name: framework.tensor(rng.standard_normal(size), dtype=getattr(framework, kind)).requires_grad_(grad) for name, size in SIZES.items()}
    more = {name: getattr(flex, name) for name in flex.__all__} | {name: getattr(bias, name) for name in bias.__all__}
    causal = lambda b, h, i, j: i >= j
    return {"torch": framework, "A": module, "math": math, "F": framework.nn.functional, "causal": causal, "S": module.SDPBackend, "show": shown,
            "mask": lambda *size, fn=causal, **options: flex.create_block_mask(fn, *size, device="cpu", **options), **names, **more,
            "blocks": framework.tensor([[[[0, 1], [1, 0]]]], dtype=framework.int32), "counts": framework.tensor([[[1, 2]]], dtype=framework.int32)}


def shown(mask: Any) -> list:
    return [mask.shape, mask.seq_lengths, mask.BLOCK_SIZE, mask.sparsity(), mask.to_dense(), str(mask), repr(mask), mask.numel(), *mask.as_tuple()[:10]]


def outcome(framework: ModuleType, code: str) -> str:
    """What an expression prints, or its error's class and first line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(code, scope(framework))).replace("jtorch", "torch")
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0]}"


ALIBI = "lambda s, b, h, i, j: s + (i - j) * heads[h]"
ATTENTION = [
    "flex_attention(q, k, v)", "flex_attention(q, k, v, scale=0.5)", "flex_attention(q, k2, v2, enable_gqa=True)",
    f"flex_attention(q, k, v, {ALIBI})", "flex_attention(q, k, v, lambda s, b, h, i, j: s + bias[i, j])", "flex_attention(q, k, v, lambda s, b, h, i, j: (s / 2).tanh() * 2)",
    "flex_attention(q, k, v, lambda s, b, h, i, j: torch.where(i > j, s, -math.inf))", "flex_attention(q, k, v, lambda s, b, h, i, j: s * (b + h))",
    "flex_attention(q, k, v, block_mask=mask(None, None, 6, 5))", "flex_attention(q, k, v, block_mask=mask(None, None, 6, 5, fn=lambda b, h, i, j: i > j))",
    "flex_attention(q, k, v, block_mask=mask(2, 4, 6, 5, fn=lambda b, h, i, j: (i + b >= j) & (h != 2)))",
    f"flex_attention(q, k, v, {ALIBI}, mask(None, None, 6, 5, BLOCK_SIZE=2), return_aux=AuxRequest(lse=True))",
    "flex_attention(q, k1, v1, block_mask=mask(2, None, 6, 5))", "flex_attention(q, k, v, return_lse=True)",
    "flex_attention(q, k, v, block_mask=mask(None, None, 6, 5, fn=lambda b, h, i, j: i > j), return_lse=True)",
    "flex_attention(q, k, v, block_mask=mask(None, None, 6, 5, fn=and_masks(causal, or_masks(lambda b, h, i, j: i - j < 2, lambda b, h, i, j: j == 0))))",
    "flex_attention(q, k, v, block_mask=mask(None, None, 6, 5, fn=noop_mask))", "flex_attention(q, k, v, kernel_options={'BLOCK_M': 16, 'BACKEND': 'TRITON'})",
    "flex_attention(wide, wide, wide, block_mask=BlockMask.from_kv_blocks(counts[..., :1].expand(1, 1, 3), blocks[..., :1, :1].expand(1, 1, 3, 3), seq_lengths=(300, 300)))",
    "F.scaled_dot_product_attention(q, k, v, causal_upper_left(6, 5))", "F.scaled_dot_product_attention(q, k, v, causal_lower_right(6, 5))",
    "F.scaled_dot_product_attention(k, q, q, causal_lower_right(5, 6))", "F.scaled_dot_product_attention(k, q, q, attn_mask=causal_upper_left(5, 6), scale=0.3)",
    "F.scaled_dot_product_attention(q[0], s[0], s[0], causal_lower_right(6, 6))", "F.scaled_dot_product_attention(q, k2, v2, causal_lower_right(6, 5), enable_gqa=True)",
    "F.scaled_dot_product_attention(q, k, v, causal_upper_left(9, 9))",
]


def flat(found: Any) -> list:
    """The tensors of a result."""
    return [part for part in found if part is not None for part in flat(part)] if isinstance(found, tuple) else [found]


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("code", ATTENTION)
@pytest.mark.filterwarnings("ignore")
def test_value(code: str, kind: str) -> None:
    ours, theirs = (flat(eval(code, scope(framework, kind))) for framework in (jtorch, torch))
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2}.get(kind, 1e-5)    # several roundings of such numbers
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert str(a.dtype) == str(b.dtype).replace("jtorch", "torch") and tuple(a.shape) == tuple(b.shape)
        if b.numel():
            np.testing.assert_allclose(np.array(a.double().tolist()), np.array(b.double().tolist()), tolerance, tolerance)


def spelled_out(query: Any, key: Any, value: Any, score_mod: Callable | None = None, block_mask: Any = None, scale: float | None = None,
                enable_gqa: bool = False, return_lse: bool = False, kernel_options: dict | None = None, return_aux: Any = None) -> Any:
    """`flex_attention` of PyTorch's own operations, on whole arrays of positions."""
    if enable_gqa:
        key, value = key.repeat_interleave(2, 1), value.repeat_interleave(2, 1)
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    at = torch.meshgrid(*map(torch.arange, scores.shape), indexing="ij")
    if score_mod:
        scores = score_mod(scores, *at)
    if block_mask is not None:
        scores = torch.where(block_mask.mask_mod(*at), scores, -math.inf)
    seen = scores.max(-1, keepdim=True).values > -math.inf
    safe = torch.where(seen, scores, 0.0)
    made, lse = torch.where(seen, safe.softmax(-1), 0.0) @ value, torch.where(seen[..., 0], safe.logsumexp(-1), -math.inf)
    return (made, lse) if return_lse or return_aux else made


@pytest.mark.parametrize("code", ATTENTION)
@pytest.mark.filterwarnings("ignore")
def test_gradient(code: str) -> None:
    """Of queries, keys, values, and whatever a function of positions looks at."""
    found = []
    for framework, changed in (jtorch, {}), (torch, {"flex_attention": spelled_out}):
        names = scope(framework, grad=True) | changed
        parts = flat(eval(code, names))
        sum((torch_part.where(torch_part.isfinite(), 0.0) ** 2).sum() for torch_part in parts).backward()
        found.append({name: names[name].grad for name in SIZES})
    for name, theirs in found[1].items():
        ours = found[0][name]
        assert (ours is None) == (theirs is None), name
        if theirs is not None:
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-4, 1e-5, err_msg=name)


SWITCHES = "[getattr(torch.backends.cuda, f'{name}_sdp_enabled')() for name in ('flash', 'mem_efficient', 'math', 'cudnn')]"
PRINTED = [
    "[S.MATH, S.ERROR, str(S.FLASH_ATTENTION), S(2), int(S.CUDNN_ATTENTION), S.OVERRIDEABLE.name, S.MATH == 0, dict(S.__members__)]", "A.WARN_FOR_UNFUSED_KERNELS", "A.__all__",
    *[f"A.sdpa_kernel({given})(lambda: {SWITCHES})()" for given in ("S.MATH", "[S.MATH, S.FLASH_ATTENTION]", "[]", "S.CUDNN_ATTENTION, set_priority=True", "[3]")], SWITCHES,
    *[f"A.sdpa_kernel({given}).__enter__()" for given in ("3", "'math'", "(S.MATH,)", "None")], "[A.list_flash_attention_impls(), A.current_flash_attention_impl()]",
    "A.activate_flash_attention_impl('none')",
    "list(CausalVariant)", "causal_upper_left(2, 3)", "causal_lower_right(2, 3)", "str(causal_lower_right(3, 2))", "f'{causal_upper_left(3, 2)}'", "causal_upper_left(2)",
    "causal_lower_right(2, 3, 4)", "CausalBias(3, 2, 2)", "isinstance(causal_upper_left(2, 3), torch.Tensor)",
    "[(x.shape, x.dtype, x.variant, x.seq_len_q, x.seq_len_kv, x.requires_grad) for x in (causal_lower_right(2, 3), causal_upper_left(2, 3))]",
    "F.scaled_dot_product_attention(q, k, v, causal_lower_right(6, 5), is_causal=True)", "F.scaled_dot_product_attention(q, k, v, causal_lower_right(9, 5))",
    "show(mask(None, None, 300, 260))", "show(mask(2, 3, 256, 256, fn=lambda b, h, i, j: (i >= j) & ((b + h) % 2 == 0), BLOCK_SIZE=(64, 32)))",
    "show(mask(1, 1, 300, 260, separate_full_blocks=False))", "show(mask(1, 1, 128, 128)[0])", "show(mask(2, 3, 256, 256)[1, 1:])", "show(mask(2, 3, 256, 256)[:, -1, 0])",
    "show(mask(2, 3, 256, 256)[torch.tensor([1, 0])])", "show(mask(2, 3, 256, 256)[5])", "show(mask(1, 1, 384, 384)._adjust(200, 300))", "show(mask(1, 1, 8, 8).to('cpu'))",
    *[f"mask(1, 1, 1280, 1152).to_string({grid})" for grid in ("4", "3", "(2, 9)", "-1", "(-1, 2)", "100")], "mask(3, 3, 256, 256).to_string(limit=2)", "mask(3, 3, 16, 16).to_string(limit=0)",
    "show(BlockMask.from_kv_blocks(counts, blocks))", "show(BlockMask.from_kv_blocks(counts, blocks, compute_q_blocks=False))", "BlockMask.from_kv_blocks(counts[0], blocks[0]).shape",
    "show(BlockMask.from_kv_blocks(counts, blocks, counts, blocks, BLOCK_SIZE=(64, 32), mask_mod=noop_mask, seq_lengths=(100, 60)))", "BlockMask.from_kv_blocks(counts, blocks, counts)",
    "BlockMask.from_kv_blocks(counts, blocks[0, 0, 0])", "BlockMask((8, 8), counts, blocks, None, None, None, None, counts, None)", "len(mask(1, 1, 8, 8).as_tuple(flatten=False))",
    "mask(None, 2, 8, 8).mask_mod is causal", "mask(1, 1, 8, 8)[0].mask_mod(0, 0, 0, 0)", "create_mask(causal, None, 2, 3, 4, device='cpu')", "create_mask(lambda b, h, i, j: i - j, 1, 1, 2, 2)",
    "create_mask(lambda s, b, h, i, j: torch.where(i >= j, s, -math.inf), 1, 1, 3, 4)", "create_mask(lambda b: b, 1, 1, 2, 2)", "create_mask(lambda *a: a[0], 1, 1, 2, 2)",
    "create_mask(and_masks(causal, lambda b, h, i, j: i - j < 2), 1, 1, 4, 4)", "create_mask(or_masks(causal, lambda b, h, i, j: j == 3), 1, 1, 4, 4)", "create_mask(and_masks(), 1, 1, 2, 2)",
    "create_mask(or_masks(), 1, 1, 2, 2)", "and_masks(3)", "or_masks(3)", "noop_mask(counts, 0, 0, 0)", "mask(1, 1, 8, 8, fn=lambda b, h, i, j: i - j)", "mask(1, 1, 8, 8, fn=lambda b, h, i, j: True)",
    "mask(1, 1, 8, 8, fn=lambda b, h: b)", "mask(1, 1, 8, 8, fn=3)", "mask(1, 1, 8, 8, BLOCK_SIZE=(8,))", "mask(0, 1, 8, 8).shape", "mask(1, 1, 0, 8).shape", "[AuxRequest(), AuxOutput()]",
    "[flex_attention(x, x, s.mT.reshape(2, 6, 4, 8).transpose(1, 2)).stride() for x in (q, q.reshape(2, 6, 4, 8).transpose(1, 2))]",
    *[f"flex_attention({given})" for given in (
        "q[0], k, v", "q, k[0], v", "q, k, v[0]", "q, k[..., :6], v", "q, k2, v2", "q, k[:, :3], v, enable_gqa=True", "k2, q, s, enable_gqa=True", "q, k1, v1", "q[:1], k, v", "q, k, s",
        "q, k1, v1, block_mask=mask(1, 1, 6, 5)", "q[:1], k, v, block_mask=mask(1, 1, 6, 5)", "q, k, v, block_mask=mask(1, 1, 6, 9)", "q, k, v, block_mask=mask(1, 1, 4, 9)",
        "q, k, v, block_mask=mask(2, 1, 6, 5)[0]", "q, k, v, return_lse=True, return_aux=AuxRequest()", "q, k, v, return_aux=3", "q, k, v, kernel_options={'BACKEND': 'other'}",
        "q.to('meta'), k.to('meta'), v.to('meta')")],
]


@pytest.mark.parametrize("code", PRINTED)
def test_printed(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)


def test_greatest_scores() -> None:
    """PyTorch gives them on a GPU only."""
    names = scope(jtorch)
    _, aux = eval("flex_attention(q, k, v, return_aux=AuxRequest(max_scores=True))", names)
    assert aux.lse is None and jtorch.allclose(aux.max_scores, (names["q"] @ names["k"].mT * 8 ** -0.5).amax(-1))


def test_implementations(caplog: pytest.LogCaptureFixture) -> None:
    """One that is registered here can be activated and taken back; PyTorch's own kernels are not there."""
    module, removed = jtorch.nn.attention, []
    module.register_flash_attention_impl("own", register_fn=lambda: SimpleNamespace(remove=lambda: removed.append("own")))
    module.activate_flash_attention_impl("own")
    assert module.current_flash_attention_impl() == "own"
    module.restore_flash_attention_impl()
    assert module.current_flash_attention_impl() is None and removed == ["own"]
    module.restore_flash_attention_impl()
    assert "no custom impl was activated" in caplog.text
    del module._registry.IMPLEMENTATIONS["own"]
    with pytest.raises(ModuleNotFoundError, match="No module named 'flash_attn_interface'"):
        module.activate_flash_attention_impl("FA3")


def test_compiled() -> None:
    """Programs compile it, and warn of what PyTorch warns of."""
    names = scope(jtorch)
    mask = eval("mask(None, None, 6, 5)", names)
    given = names["q"], names["k"], names["v"]
    compiled = jtorch.compile(names["flex_attention"])
    assert jtorch.allclose(compiled(*given, block_mask=mask), names["flex_attention"](*given, block_mask=mask))
    with pytest.warns(FutureWarning, match="return_lse is deprecated"):
        names["flex_attention"](*given, return_lse=True)
    with pytest.warns(UserWarning, match="will produce NaNs"):
        names["causal_lower_right"](5, 4)


def test_import_as_torch() -> None:
    code = ("import jtorch; jtorch.install_as_torch(); import torch; torch.nn.attention.sdpa_kernel; from torch.nn.attention.flex_attention import flex_attention, BlockMask; "
            "from torch.nn.attention.bias import causal_lower_right; print(BlockMask, type(causal_lower_right(2, 2)))")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.split("\n")[0] == "<class 'torch.nn.attention.flex_attention.BlockMask'> <class 'torch.nn.attention.bias.CausalBias'>"


def loss(*given: jax.Array, **options: Any) -> jax.Array:
    return (scaled_dot_product_attention_apply.op.body(*given, **options).astype(jnp.float32) ** 2).sum()


def lowered(platform: str, query: jax.Array, key: jax.Array, dtype: Any = jnp.bfloat16, **options: Any) -> str:
    """The program of attention's gradients for a platform: which kernels it calls can be seen on any machine."""
    given = [x.astype(dtype) for x in (query, key, key)]
    return jax.jit(jax.grad(partial(loss, **options), (0, 1, 2))).trace(*given).lower(lowering_platforms=(platform,)).as_text()


def test_a_gpu_gets_the_kernel_of_cudnn(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it gives the same numbers is tried where there is one, before it is used."""
    monkeypatch.setattr(fused_attention_stablehlo, "check_cudnn_version", lambda: 91000)
    q, program = jnp.ones((2, 4, 16, 32), jnp.bfloat16), partial(lowered, "cuda", kernel="cudnn")
    for fits in (program(q, q), program(q, q, is_causal=True), program(q, q[:, :, :8]), program(q, q[:, :2], enable_gqa=True), program(q, q, jnp.float16)):
        assert "cudnn$fmhaSoftmaxBackward" in fits
    for other in (lowered("cuda", q, q), program(q, q, jnp.float32), program(q, q[:, :, :8], is_causal=True)):
        assert "cudnn" not in other


def test_a_tpu_gets_the_kernel_of_pallas() -> None:
    q, program = jnp.ones((1, 2, 130, 32), jnp.bfloat16), partial(lowered, "tpu", kernel="pallas")
    for fits in (program(q, q), program(q, q[:, :1, :129], is_causal=True, enable_gqa=True)):
        assert fits.count("tpu_custom_call") == 3            # forwards, the gradient of the queries, and those of keys and values
    for other in (lowered("tpu", q, q), program(q, q, jnp.float32), program(q, q[:, :, :127]), program(q[..., :1].repeat(130, -1), q[..., :1].repeat(130, -1))):
        assert "tpu_custom_call" not in other


@pytest.mark.parametrize(("heads", "rows", "keys", "causal"), [(2, 130, 200, False), (1, 200, 130, True)])
def test_pallas_gives_the_numbers_of_xla(heads: int, rows: int, keys: int, causal: bool) -> None:
    """The kernel for TPUs, interpreted: blocks that are filled up, fewer heads of keys, gradients."""
    rng = np.random.default_rng(0)
    given = [jnp.asarray(rng.normal(size=size), jnp.bfloat16) for size in ((1, 2, rows, 32), (1, heads, keys, 32), (1, heads, keys, 32))]
    with pallas.force_tpu_interpret_mode():
        found = jax.value_and_grad(partial(loss, is_causal=causal, enable_gqa=True, kernel="pallas"), (0, 1, 2))(*given)
    expected = jax.value_and_grad(partial(loss, is_causal=causal, enable_gqa=True), (0, 1, 2))(*given)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        a, b = (np.asarray(x, np.float32) for x in (a, b))
        assert abs(a - b).max() < 0.02 * abs(b).max()        # sums of numbers of 8 bits in another order


def test_kernels_have_second_derivatives_and_go_forwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch has neither of its kernels; XLA's formulae stand in, here for a kernel that is no other."""
    monkeypatch.setitem(fused.BY, "cudnn", fused.by_weights)
    monkeypatch.setattr(attention_functions, "_kernel", lambda query: "cudnn")
    calls = []
    monkeypatch.setattr(fused, "_attend", lambda *given, attend=fused._attend: calls.append(given[0]) or attend(*given))
    rng = np.random.default_rng(0)
    q, k, v, w = (jtorch.tensor(rng.normal(size=(1, 2, 4, 8)), dtype=jtorch.bfloat16) for _ in range(4))

    def gradient(*given: Any) -> Any:
        made = jtorch.nn.functional.scaled_dot_product_attention(*given, is_causal=True)
        return jtorch.autograd.grad((made.float() ** 2).sum(), given[0], create_graph=True)[0]

    def answers(*given: Any) -> list:
        given = [x.detach().requires_grad_() for x in given]
        second = jtorch.autograd.grad((gradient(*given).float() * w).sum(), given)
        forwards = jtorch.func.jvp(lambda x: jtorch.nn.functional.scaled_dot_product_attention(x, k, v), (q,), (w,))
        return [x.float().numpy() for x in (*second, *forwards)]

    found = answers(q, k, v)
    assert {how.is_causal for how in calls} == {True, False}
    monkeypatch.setattr(attention_functions, "_kernel", lambda query: "")
    for a, b in zip(found, answers(q, k, v), strict=True):
        assert abs(a - b).max() < 0.03 * abs(b).max()


@pytest.mark.parametrize(("platform", "kernel", "call"), [("cuda", "cudnn", "cudnn$fmhaSoftmax"), ("tpu", "pallas", "tpu_custom_call")])
def test_gradients_of_gradients_use_the_kernel_for_what_it_can(platform: str, kernel: str, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_attention_stablehlo, "check_cudnn_version", lambda: 91000)
    query = jnp.ones((1, 2, 128, 32), jnp.bfloat16)
    gradient = jax.grad(lambda q: loss(q, query, query, kernel=kernel))
    program = jax.jit(jax.grad(lambda q: (gradient(q).astype(jnp.float32) ** 2).sum())).trace(query).lower(lowering_platforms=(platform,)).as_text()
    assert call in program


def test_a_kernel_is_tried_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    try_one = fused.kernel_of.__wrapped__
    assert try_one("cpu") == "tiles"                         # which is XLA's too, and needs no trial
    monkeypatch.setitem(fused.KERNELS, "cpu", "pallas")      # which is not for CPUs: JAX raises
    assert try_one("cpu") == ""
    monkeypatch.setitem(fused.BY, "pallas", fused.by_weights)
    assert try_one("cpu") == "pallas"
    monkeypatch.setitem(fused.BY, "pallas", lambda *given: 2 * fused.by_weights(*given))
    assert try_one("cpu") == ""


TILED = {"plain": ((2, 3, 11, 4), (2, 3, 9, 4), (2, 3, 9, 5), None, {}), "causal": ((2, 3, 11, 4), (2, 3, 9, 4), (2, 3, 9, 5), None, {"is_causal": True}),
         "more keys than rows": ((1, 2, 9, 4), (1, 2, 17, 4), (1, 2, 17, 4), None, {"is_causal": True, "scale": 0.7}),
         "fewer heads": ((2, 4, 11, 4), (2, 2, 9, 4), (2, 2, 9, 4), None, {"enable_gqa": True}), "one sample of keys": ((2, 3, 11, 4), (1, 3, 9, 4), (1, 3, 9, 5), None, {}),
         "one mask": ((2, 3, 11, 4), (2, 3, 9, 4), (2, 3, 9, 5), (11, 9), {}), "a mask for each head": ((2, 3, 11, 4), (2, 3, 9, 4), (2, 3, 9, 5), (1, 3, 11, 9), {}),
         "hidden keys": ((2, 3, 11, 4), (2, 3, 9, 4), (2, 3, 9, 5), (2, 1, 1, 9), {}), "hidden rows": ((2, 3, 11, 4), (2, 3, 9, 4), (2, 3, 9, 5), (11, 1), {}),
         "no batch": ((3, 11, 4), (3, 9, 4), (3, 9, 5), (3, 11, 9), {}), "no heads": ((11, 4), (9, 4), (9, 5), (11, 9), {}),
         "dropout": ((2, 3, 11, 4), (2, 3, 9, 4), (2, 3, 9, 5), None, {"dropout_p": 0.3}), "nothing kept": ((1, 2, 11, 4), (1, 2, 9, 4), (1, 2, 9, 5), None, {"dropout_p": 1.0})}


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> list:
    """Tiles of at most 4 times 4 weights, for heads of any size; the calls of their kernel."""
    for name, value in (("LEAST", 1), ("SIZE", 4), ("CAUSAL_SIZE", 4)):
        monkeypatch.setattr(tiles, name, value)
    calls: list = []
    monkeypatch.setitem(fused.BY, "tiles", lambda *given, by=fused.BY["tiles"]: calls.append(given) or by(*given))
    return calls


def attended(framework: ModuleType, sizes: Any, mask_size: Any, options: dict, kind: str, mask_kind: str | None) -> list[np.ndarray]:
    """Attention and its gradients."""
    rng = np.random.default_rng(0)
    given = [framework.tensor(rng.normal(size=size), dtype=getattr(framework, kind)).requires_grad_() for size in sizes]
    if mask_size:
        mask = rng.normal(size=mask_size)
        mask[(0,) * (len(mask_size) - 1)] = -math.inf        # in the first row nothing is attended to, where there is more than one
        given.append(framework.tensor(mask, dtype=getattr(framework, kind)).requires_grad_() if mask_kind == "float" else framework.tensor(mask > -0.5))
    framework.manual_seed(1)
    result = framework.nn.functional.scaled_dot_product_attention(*given, **options)
    weights = framework.tensor(rng.normal(size=result.shape), dtype=result.dtype)
    smooth = [x for x in given if x.requires_grad]
    gradients = framework.autograd.grad((result * weights).sum(), smooth)
    return [x.detach().float().numpy() for x in (result, *gradients)]


@pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(("name", "mask_kind"), [(name, kind) for name, case in TILED.items() for kind in (("bool", "float") if case[3] else (None,))])
def test_tiles_give_the_numbers_of_pytorch(name: str, mask_kind: str | None, kind: str, small_tiles: list) -> None:
    *sizes, mask_size, options = TILED[name]
    found, expected = (attended(framework, sizes, mask_size, options, kind, mask_kind) for framework in (jtorch, torch))
    assert small_tiles
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=(0.03 if kind == "bfloat16" else 3e-6) * max(1, np.abs(b).max(initial=0)))   # another order of adding up


@jax.enable_x64(True)
def test_tiles_have_second_derivatives_and_go_forwards_and_map(small_tiles: list) -> None:
    rng = np.random.default_rng(0)
    given, mask = [jnp.asarray(rng.normal(size=(2, 3, 10, 4))) for _ in range(3)], jnp.asarray(rng.normal(size=(10, 10)))

    def answers(kernel: str) -> list[jax.Array]:
        def way(*given: jax.Array) -> jax.Array:
            return fused.attend(fused.How(kernel, 0.5, True), fused.Given(*given))
        second = jax.grad(lambda *x: (jax.grad(lambda *x: (way(*x) ** 2).sum())(*x) ** 3).sum(), (0, 1, 2, 3))(*given, mask)
        return [*second, jax.vmap(way, (0, 0, 0, None))(*(x[:, None] for x in given), mask)]

    q, k, v = (jtorch.tensor(np.asarray(x)) for x in given)
    forwards = jtorch.func.jvp(lambda x: jtorch.nn.functional.scaled_dot_product_attention(x, k, v, scale=0.5), (q,), (v,))[1].numpy()
    expected = jax.jvp(lambda x: fused.by_weights(fused.How("", 0.5, False), x, *given[1:], None, None, 1.0), given[:1], given[2:])[1]
    for a, b in zip([*answers("tiles"), forwards], [*answers(""), expected], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    assert small_tiles


def test_long_sequences_hold_no_weights() -> None:
    """Temporary memory of attention and its gradients, in bytes: 4,096 rows and keys have weights of 64 MiB a head, one tile has 4."""
    query, mask = jax.ShapeDtypeStruct((1, 8, 4096, 16), jnp.float32), jax.ShapeDtypeStruct((4096, 4096), jnp.float32)
    for options in ({}, {"is_causal": True}, {"attn_mask": mask}):
        masks = [x for x in options.values() if x is mask]
        program = jax.jit(jax.grad(lambda q, k, v, *masks, causal="is_causal" in options: loss(q, k, v, *masks, is_causal=causal, kernel="tiles"), (0, 1, 2)))
        assert program.lower(query, query, query, *masks).compile().memory_analysis().temp_size_in_bytes < 40 << 20


@pytest.mark.parametrize("code", ["F.scaled_dot_product_attention(None, q, q)", "F.scaled_dot_product_attention(q, None, q)",
                                  "F.scaled_dot_product_attention(q, q, 1.0)", "F.scaled_dot_product_attention([1], q, q)",
                                  "F.scaled_dot_product_attention(q, q, q, torch.ones(2, 1, 3, 3))", "F.scaled_dot_product_attention(q[0], q[0], q[0], torch.ones(1, 1, 3, 3))",
                                  "F.scaled_dot_product_attention(q, q, q, torch.ones(2, 2))"])
def test_what_does_not_fit_is_named(code: str) -> None:
    told = []
    for framework in (jtorch, torch):
        with pytest.raises((TypeError, RuntimeError)) as caught:
            eval(code, {"torch": framework, "F": framework.nn.functional, "q": framework.ones(1, 2, 3, 4)})
        told.append(f"{caught.type.__name__}: {caught.value}".splitlines()[0])
    assert told[0] == told[1]
