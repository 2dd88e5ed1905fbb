"""`torch.autocast`: which operations compute in which type, for each kind of device."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .dtype import FLOATING, dtype, float32, float64
from .graph import Aval, Mode

LOW, FULL, WIDEST, UNSAFE = "low", "full", "widest", "unsafe"   # the chosen type; float32; the widest of the operands; an error
UNSAFE_TEXT = """torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.
Many models use a sigmoid layer right before the binary cross entropy layer.
In this case, combine the two layers using torch.nn.functional.binary_cross_entropy_with_logits
or torch.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are
safe to autocast."""
SINGLE, SEVERAL = ("array", "scalar"), ("arrays", "scalars")     # the kinds of parameters that are operands
Kinds = Sequence[Any]                                        # as in `Op.conversions`: an Aval, the class of a number, or None


class Rule(NamedTuple):
    """In what an operation computes.

    when   for which calls: a function of the operands' kinds and of the attributes by name
    keeps  the operands that stay as they are, such as the state of a recurrent network
    """
    target: str
    when: Callable[[Kinds, dict[str, Any]], bool] = lambda kinds, attrs: True
    keeps: Callable[[dict[str, Any]], Sequence[str]] = lambda attrs: ()


def _one_type(kinds: Kinds, attrs: dict[str, Any]) -> bool:
    """Whether all operands have one type: these operations check it before anything is converted."""
    return len({k.dtype for k in kinds}) == 1


def _product(kinds: Kinds, attrs: dict[str, Any]) -> bool:
    """Whether `inner` is a product of matrices, not of two vectors or with a number."""
    return _one_type(kinds, attrs) and all(k.shape for k in kinds) and any(len(k.shape) > 1 for k in kinds)


def _contracts(kinds: Kinds, attrs: dict[str, Any]) -> bool:
    """Whether `einsum` ends with a product that sums over a dimension of both factors."""
    terms, arrow, result = attrs["equation"].replace(" ", "").replace("...", "").partition("->")
    *first, last = terms.split(",")
    shared = set(last) & set("".join(first))
    if not arrow:
        letters = terms.replace(",", "")
        result = {c for c in letters if letters.count(c) == 1}
    return bool(shared - set(result))


def _copies_edges(kinds: Kinds, attrs: dict[str, Any]) -> bool:
    return attrs["mode"] == "replicate" or attrs["mode"] == "reflect" and len(attrs["pad"]) < 6


def _rules(target: str, names: str, **facts: Any) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), Rule(target, **facts))


PRODUCTS = """addbmm addmm baddbmm bmm conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d corrcoef cov linear matmul mm
    multi_head_attention_apply prelu rnn_tanh_cell rnn_relu_cell scaled_dot_product_attention_apply vecdot"""
LOSSES = """binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy hinge_embedding_loss huber_loss kl_div l1_loss linear_cross_entropy
    margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss
    triplet_margin_loss"""
POWERS = {"matrix_power": Rule(LOW, lambda kinds, attrs: attrs["n"] > 1)}
TABLES: dict[str, dict[str, Rule]] = {
    "cpu": {
        **_rules(LOW, PRODUCTS),
        **_rules(LOW, "chain_matmul multi_dot tensordot", when=_one_type),
        **POWERS,
        "inner": Rule(LOW, _product),
        "einsum": Rule(LOW, _contracts),
        "lstm_cell": Rule(LOW, keeps=lambda attrs: ("hx",)),
        "gru_cell": Rule(LOW, keeps=lambda attrs: ("hx",)),
        "lstm_apply": Rule(LOW, keeps=lambda attrs: ("c_0",) if attrs["projected"] else ()),
        "rnn_apply": Rule(LOW, keeps=lambda attrs: ("h_0",) if attrs["mode"] == "gru" else ()),
        **_rules(FULL, LOSSES),
        **_rules(FULL, """adaptive_avg_pool3d adaptive_max_pool3d adaptive_max_pool3d_with_indices avg_pool3d binary_cross_entropy cdist cholesky cholesky_ex
            cholesky_inverse cholesky_solve cond ctc_loss eig eigh eigvals eigvalsh fft fft2 fftn fractional_max_pool_apply geqrf grid_sample hfft
            householder_product ifft ifft2 ifftn ihfft inv inv_ex inverse irfft irfft2 irfftn lp_pool3d lstsq lu_solve matrix_rank max_pool3d max_unpool1d
            max_unpool2d max_unpool3d nanquantile orgqr ormqr pinverse polar prod qr quantile rfft rfft2 rfftn solve svd svdvals tensorinv tensorsolve
            trace triangular_solve"""),
        "pad": Rule(FULL, _copies_edges),
        **_rules(WIDEST, "cat index_copy stack"),
    },
    "cuda": {
        **_rules(LOW, PRODUCTS),
        **_rules(LOW, "addmv addr chain_matmul einsum gru_cell lstm_apply lstm_cell multi_dot mv rnn_apply"),
        **POWERS,
        **_rules(FULL, LOSSES),
        **_rules(FULL, """acos asin cdist cosh cosine_similarity cumprod cumsum cumulative_trapezoid dist erfinv exp expm1 gaussian_nll_loss group_norm
            gumbel_softmax_apply layer_norm local_response_norm log log10 log1p log2 log_softmax logsumexp lp_pool1d lp_pool2d lp_pool3d matrix_norm
            multilabel_soft_margin_loss norm normalize pairwise_distance pdist pow prod reciprocal renorm rms_norm rsqrt sinh softmax softplus square
            sum tan trapezoid vector_norm"""),
        "div": Rule(FULL, lambda kinds, attrs: isinstance(kinds[0], type)),       # `1 / x` is a reciprocal
        "interpolate": Rule(FULL, lambda kinds, attrs: attrs["mode"] != "area"),
        **_rules(WIDEST, "addcdiv addcmul atan2 bilinear cross dot grid_sample inner scatter_add tensordot vdot"),
        "binary_cross_entropy": Rule(UNSAFE),
    },
}
TABLES["xla"] = TABLES["cuda"]


def converted(op: Any, kinds: Kinds, attrs: tuple, mode: Mode) -> tuple[dtype | None, ...] | None:
    """For each operand of `op` the type that it is converted to first, or None; None where the operation has no rule here."""
    low = dict(mode.autocast)
    where = next((k.device.type for k in kinds if isinstance(k, Aval) and k.device.type in low), None)
    rule = TABLES.get(where or "", {}).get(op.name)
    if rule is None:
        return None
    static = dict(zip([name for name, kind, _ in op.plan if kind not in SINGLE + SEVERAL], attrs[op.sequences:], strict=True))
    given = [k for k in kinds if isinstance(k, Aval)] if rule.target == LOW else kinds
    if not rule.when(given, static):
        return None
    if rule.target == UNSAFE:
        raise RuntimeError(UNSAFE_TEXT)
    kept = rule.keeps(static)
    eligible = [isinstance(k, Aval) and k.device.type == where and k.dtype.category == FLOATING and k.dtype is not float64 and name not in kept
                for k, name in zip(kinds, _parameters(op, attrs), strict=True)]
    to = low[where] if rule.target == LOW else float32
    if rule.target == WIDEST:
        to = _widest([k.dtype for k, e in zip(kinds, eligible, strict=True) if e], low[where])
    return tuple([to if e else None for e in eligible])


def _widest(types: list[dtype], low: dtype) -> dtype:
    if any(t not in (float32, low) for t in types):
        raise RuntimeError("Unexpected floating ScalarType in at::autocast::prioritize")
    return float32 if float32 in types else low


def _parameters(op: Any, attrs: tuple) -> Iterator[str | None]:
    """For each recorded operand the parameter that it belongs to; None for numbers."""
    lengths = list(attrs[:op.sequences][::-1])
    for name, kind, _ in op.plan:
        if kind in SINGLE + SEVERAL:
            yield from [name if kind.startswith("array") else None] * (1 if kind in SINGLE else lengths.pop() or 0)
