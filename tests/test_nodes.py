"""The names of gradient nodes, `type(result.grad_fn).__name__`, are PyTorch's: for the table of operators, and for views, writes and layers."""
from __future__ import annotations

import re
import warnings

import cases_ops
import pytest
import torch
from test_ops import OURS, THEIRS, Framework, described, label

import jtorch

COMPOSED = "PyTorch puts it together from parts, of which the last gives the name"
NO_DERIVATIVE = "PyTorch's node only says that there is no derivative"
PARTS = "jtorch's is made of other parts"
EXPLICIT = "PyTorch tells an argument that is given from its default"
OTHERWISE = {"round(float32[4], decimals=0)": EXPLICIT, "special.round(float32[3])": EXPLICIT, "sum(float32[2, 3], None)": EXPLICIT,
             "mean(float32[2, 3], None)": EXPLICIT, "floor_divide": NO_DERIVATIVE, "heaviside": NO_DERIVATIVE, "scatter(float32[3]": NO_DERIVATIVE,
             "bincount": NO_DERIVATIVE, "combinations(float32[3], 0)": "PyTorch's is a constant", "einsum": COMPOSED, "cdist(float64[30": COMPOSED,
             "svd": COMPOSED, "repeat_interleave(float32[2, 2], int64[1], 1": COMPOSED, "stft": COMPOSED, "istft": COMPOSED,
             "norm_except_dim": COMPOSED,
             "Tensor.sum_to_size": COMPOSED, "split_with_sizes": PARTS, "histogram": NO_DERIVATIVE, "slice_scatter": PARTS, "select_scatter": PARTS,
             "as_strided_scatter": PARTS}
WRITES_OR_COPIES = re.compile(r"\w+(_|_copy)$")                       # they fail for leaves; the name says "copy" again
TABLE = [call for call in cases_ops.CALLS if not WRITES_OR_COPIES.match(call.name) and not any(map(described(call).startswith, OTHERWISE))]
TOGETHER = 40
GROUPS = [TABLE[k:k + TOGETHER] for k in range(0, len(TABLE), TOGETHER)]


def named(framework: Framework, call: cases_ops.Call) -> list[str]:
    """The classes of the gradient nodes of a call's results."""
    args, kwargs = framework.arguments(call)
    for x in framework.flat([*args, *kwargs.values()]):
        if isinstance(x, framework.torch.Tensor) and (x.is_floating_point() or x.is_complex()):
            x.requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [type(r.grad_fn).__name__ for r in framework.flat(framework.function(call.name)(*args, **kwargs))]


@pytest.mark.parametrize("group", GROUPS, ids=label)
def test_table(group: list[cases_ops.Call]) -> None:
    wrong = {described(call): (ours, theirs) for call in group if (ours := named(OURS, call)) != (theirs := named(THEIRS, call))}
    assert not wrong


SETUP = """
F = torch.nn.functional
x, y, z = (torch.randn(3, 4).requires_grad_() for _ in range(3))
s, c = torch.randn(()).requires_grad_(), torch.randn(2, dtype=torch.complex64).requires_grad_()
sig, im, vol = torch.randn(2, 3, 6).requires_grad_(), torch.randn(2, 3, 4, 4).requires_grad_(), torch.randn(1, 2, 5, 5, 5).requires_grad_()
w1, w2, w3 = torch.randn(4, 3, 2).requires_grad_(), torch.randn(4, 3, 2, 2).requires_grad_(), torch.randn(4, 2, 2, 2, 2).requires_grad_()
W, b, g = torch.randn(5, 4).requires_grad_(), torch.randn(5).requires_grad_(), torch.randn(3).requires_grad_()
ids, labels = torch.tensor([1, 0, 2]), torch.tensor([0, 3, 1])
logp, spots = torch.randn(6, 2, 5).requires_grad_(), torch.randn(2, 3, 3, 2).requires_grad_()
def put(index, value):
    a = x * 1
    a[index] = value
    return a
"""
CODE = [
    # Python's operators
    "x + 1", "1 + x", "x - y", "1 - x", "x * y", "2 * x", "x / y", "1 / x", "x ** 2", "x ** y", "2 ** x", "-x", "abs(x)", "x @ y.T", "x % 2",
    "x % y", "x > 0",
    # views and copies
    "x.view(4, 3)", "x.reshape(-1)", "x.t()", "x.T", "x.mT", "x.transpose(0, 1)", "x.permute(1, 0)", "x.unsqueeze(0)", "x.squeeze()",
    "x.squeeze(0)", "x.squeeze((0, 1))",
    "x.expand(2, 3, 4)", "x.flatten()", "x.narrow(0, 0, 2)", "x.select(0, 1)", "x[0]", "x[0:2]", "x[:, 1]", "x[..., None]", "x[ids]", "x[x > 0]",
    "x[0, 1]", "x[:, ids]",
    "x.diagonal()", "x.unfold(0, 2, 1)", "x.as_strided((2, 2), (1, 2))", "x.detach()", "x.clone()", "x.contiguous()",
    "x.T.contiguous()", "x.double()", "x.to(torch.float64)", "x.half()", "x.movedim(0, 1)", "x.swapaxes(0, 1)", "x.ravel()",
    "x.repeat(2, 1)", "x.tile((2,))", "x.roll(1, 0)", "x.view_as(y)", "x.expand_as(y)", "x.unflatten(1, (2, 2))", "x.real",
    "c.real", "c.imag", "torch.view_as_real(c)", "c.conj()", "x.broadcast_to((2, 3, 4))", "torch.atleast_3d(x)", "x.type(torch.float64)",
    "x.swapdims(0, 1)",
    "x.squeeze(1)", "x.index_select(0, ids)", "x.T.clone()", "x.data", "x[1:, ::2]", "x[None]", "x[...]", "x.hsplit(2)",
    # writes
    "(x * 1).add_(1)", "(x * 1).mul_(y)", "(x * 1).zero_()", "(x * 1).fill_(1)", "(x * 1).copy_(y)", "(x * 1).clamp_(0, 1)", "(x * 1).relu_()",
    "put(0, 1.0)", "put(slice(1, 2), y[:1])", "put(ids, 2.0)", "put(x > 0, 0.0)", "put((0, 1), s)", "(x * 1).masked_fill_(x > 0, 0)",
    "(x * 1).index_put_((ids,), y)",
    "(x * 1).sub_(y)", "(x * 1).div_(2)", "(x * 1).pow_(2)",
    "(x * 1).exp_()", "(x * 1).scatter_(0, ids[None], 1.0)", "(x * 1).index_add_(0, ids, y)", "torch.index_put(x, (ids,), y)",
    "(x * 1).lerp_(y, 0.5)",
    # reductions
    "x.sum()", "x.sum(1)", "x.mean()", "x.mean(0)", "x.std()", "x.std(0)", "x.var(1)", "x.max()", "x.max(1)", "x.min(0)", "x.prod()", "x.norm()",
    "x.amax(1)",
    "x.logsumexp(1)", "x.cumsum(0)", "x.sort()", "x.topk(2)", "x.median()", "torch.max(x, y)", "x.softmax(1)", "x.log_softmax(1)", "x.argmax()",
    # activations
    *[f"F.{name}(x)" for name in "relu relu6 hardtanh leaky_relu elu selu celu gelu silu mish softplus softsign tanhshrink softshrink hardshrink "
      "hardswish hardsigmoid logsigmoid sigmoid tanh".split()],
    "F.softmax(x, 1)", "F.log_softmax(x, -1)", "F.softmin(x, 1)", "F.glu(x)", "F.threshold(x, 0.1, 2.0)", "F.prelu(im, g)",
    "F.relu(x * 1, inplace=True)",
    "F.dropout(x)", "F.dropout(x, 0.3)", "F.dropout2d(im)", "F.alpha_dropout(x, 0.5, True)", "F.gumbel_softmax(x)", "F.gumbel_softmax(x, hard=True)",
    "F.normalize(x)", "F.hardtanh(x, -0.5, 0.5)", "F.leaky_relu(x, 0.2)", "torch.sigmoid(x)", "torch.relu(x)",
    # layers
    "F.linear(x, W)", "F.linear(x, W, b)", "F.linear(sig, sig[0, :, :])", "F.linear(im, W)", "F.linear(im, W, b)", "F.linear(x[0], W)",
    "F.linear(x[0], W, b)",
    "F.bilinear(x, y, torch.randn(2, 4, 4))", "F.conv1d(sig, w1)", "F.conv2d(im, w2)", "F.conv3d(vol, w3)", "F.conv2d(im, w2, torch.zeros(4))",
    "F.conv2d(im[0], w2)",
    "F.conv2d(im, w2, padding='same')", "F.conv_transpose1d(sig, w1.transpose(0, 1))", "F.conv_transpose2d(im, w2.transpose(0, 1))",
    "F.unfold(im, 2)",
    "F.fold(sig[:, :, :4].repeat(1, 4, 1), (3, 3), 2)",
    "F.max_pool1d(sig, 2)", "F.max_pool2d(im, 2)", "F.max_pool3d(vol, 2)", "F.avg_pool1d(sig, 2)", "F.avg_pool2d(im, 2)", "F.avg_pool3d(vol, 2)",
    "F.adaptive_avg_pool1d(sig, 2)", "F.adaptive_avg_pool2d(im, 2)", "F.adaptive_avg_pool2d(im, 1)", "F.adaptive_avg_pool3d(vol, 2)",
    "F.adaptive_max_pool1d(sig, 2)",
    "F.adaptive_max_pool2d(im, 2)", "F.lp_pool2d(im, 2, 2)", "F.max_unpool2d(*F.max_pool2d(im, 2, return_indices=True), 2)",
    "F.batch_norm(im, None, None, g, g, True)", "F.batch_norm(im, g.detach(), g.detach().abs(), g, g)", "F.layer_norm(x, (4,))",
    "F.group_norm(im, 3)",
    "F.instance_norm(im)", "F.local_response_norm(im, 2)", "F.rms_norm(x, (4,))", "F.embedding(ids, W)", "F.embedding_bag(ids[None], W)",
    "F.pad(x, (1, 1))", "F.pad(im, (1, 1, 1, 1), 'reflect')", "F.pad(im, (1, 1, 1, 1), 'replicate')", "F.pad(im, (1, 1, 1, 1), 'circular')",
    "F.interpolate(im, 8)", "F.interpolate(im, 8, mode='bilinear')", "F.interpolate(im, 8, mode='bicubic')", "F.interpolate(sig, 8, mode='linear')",
    "F.interpolate(im, 8, mode='area')", "F.pixel_shuffle(im.repeat(1, 4, 1, 1), 2)", "F.pixel_unshuffle(im, 2)",
    "F.grid_sample(im, spots, align_corners=False)",
    "F.affine_grid(torch.randn(1, 2, 3).requires_grad_(), (1, 1, 2, 2), align_corners=False)", "F.channel_shuffle(im.repeat(1, 2, 1, 1), 2)",
    "F.cosine_similarity(x, y)", "F.pairwise_distance(x, y)", "F.pdist(x)",
    # losses
    "F.mse_loss(x, y)", "F.mse_loss(x, y, reduction='sum')", "F.mse_loss(x, y.detach(), reduction='none')", "F.l1_loss(x, y)",
    "F.l1_loss(x, y, reduction='none')",
    "F.smooth_l1_loss(x, y)", "F.huber_loss(x, y)", "F.cross_entropy(x, labels)", "F.cross_entropy(x, y.softmax(1))",
    "F.cross_entropy(x, labels, label_smoothing=0.1)",
    "F.cross_entropy(im, torch.zeros(2, 4, 4, dtype=torch.int64))", "F.cross_entropy(x, labels, reduction='none')",
    "F.nll_loss(x.log_softmax(1), labels)",
    "F.binary_cross_entropy(x.sigmoid(), y.detach().sigmoid())", "F.binary_cross_entropy_with_logits(x, y.detach().sigmoid())",
    "F.binary_cross_entropy_with_logits(x, y.detach(), pos_weight=torch.ones(4))", "F.kl_div(x, y)", "F.kl_div(x, y, reduction='batchmean')",
    "F.kl_div(x, y, reduction='sum')",
    "F.poisson_nll_loss(x, y)", "F.gaussian_nll_loss(x, y, z.abs())", "F.hinge_embedding_loss(x, y.detach().sign())",
    "F.margin_ranking_loss(x, y, z.detach().sign())",
    "F.soft_margin_loss(x, y.detach().sign())", "F.multi_margin_loss(x, labels)", "F.multilabel_margin_loss(x, torch.tensor([[0, 1, -1, -1]] * 3))",
    "F.multilabel_soft_margin_loss(x, (y > 0).float())", "F.cosine_embedding_loss(x, y, torch.ones(3))", "F.triplet_margin_loss(x, y, z)",
    "F.ctc_loss(logp.log_softmax(2), torch.tensor([[1, 2], [3, 4]]), (6, 6), (2, 2))",
    # joining, choosing, products
    "torch.cat([x, y])", "torch.stack([x, y])", "torch.hstack([x, y])", "torch.where(x > 0, x, y)", "torch.einsum('ij,kj->ik', x, y)",
    "torch.bmm(sig, sig.mT)",
    "sig @ sig.mT", "sig @ sig[0].T", "x @ x[0]", "x[0] @ x[1]", "torch.mv(x, x[0])", "torch.addmm(x @ y.T, x, y.T)",
    "torch.baddbmm(sig @ sig.mT, sig, sig.mT)",
    "torch.outer(b, b)", "torch.dot(b, b)", "torch.gather(x, 0, ids[None])", "torch.lerp(x, y, 0.5)", "torch.clamp(x, 0, 1)", "x.clamp(min=0)",
    "torch.cdist(x, y)",
    "torch.logaddexp(x, y)", "torch.addcmul(x, y, z)", "torch.tril(x)", "torch.flip(x, (0,))", "torch.squeeze(x[None], 0)",
    "torch.meshgrid(b, b, indexing='ij')",
    "torch.linalg.norm(x)", "torch.linalg.inv(x @ x.T)", "torch.fft.fft(b)", "torch.complex(x, y)", "torch.polar(x, y)",
]


def names(module: object, code: str) -> list[str]:
    """The names of the nodes of what an expression gives."""
    scope = {"torch": module}
    module.manual_seed(0)
    exec(SETUP, scope)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = eval(code, scope)
    results = results if isinstance(results, (tuple, list)) else [results]
    return [type(r.grad_fn).__name__ for r in results]


@pytest.mark.parametrize("code", CODE)
def test_code(code: str) -> None:
    assert names(jtorch, code) == names(torch, code)
