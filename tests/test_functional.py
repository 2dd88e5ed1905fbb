"""`torch.nn.functional` against PyTorch: values, gradients, running statistics, random numbers, warnings, errors.  Each row is code that both run."""
from __future__ import annotations

import inspect
import warnings
from typing import Any

import jtorch
import numpy as np
import pytest
import torch

FRAMEWORKS = torch, jtorch

# What the rows can use: leaves (whose gradients are compared) in lower case.
SETUP = """
x, y, z = (torch.randn(3, 4).requires_grad_() for _ in range(3))
sig, im, vol = torch.randn(2, 3, 6).requires_grad_(), torch.randn(2, 3, 4, 4).requires_grad_(), torch.randn(1, 2, 5, 5, 5).requires_grad_()
w, ids, pairs = (torch.randn(5, 2) * 3).requires_grad_(), torch.tensor([1, 3, 1, 0]), torch.tensor([[1, 3], [1, 0]])
m, v, g, b = torch.zeros(3), torch.ones(3), torch.randn(3).requires_grad_(), torch.randn(3).requires_grad_()
q, k, u = torch.randn(2, 4, 3, 6).requires_grad_(), torch.randn(2, 4, 5, 6).requires_grad_(), torch.randn(2, 4, 5, 2).requires_grad_()
Q, K, V = torch.randn(3, 2, 4).requires_grad_(), torch.randn(5, 2, 4).requires_grad_(), torch.randn(5, 2, 4).requires_grad_()
W, B, O, A = (torch.randn(*s).requires_grad_() for s in ((12, 4), (12,), (4, 4), (4,)))
row, seen = torch.randn(1, 1, 4).requires_grad_(), torch.rand(3, 5) > 0.4
hidden, late = torch.rand(2, 5) > 0.7, torch.ones(3, 5).triu(1) > 0
seq, h, c = torch.randn(5, 2, 3).requires_grad_(), torch.randn(4, 2, 4).requires_grad_(), torch.randn(4, 2, 4).requires_grad_()
logp, labels = torch.randn(6, 2, 5).requires_grad_(), torch.tensor([[1, 2], [3, 4]])
def mha(q, k, v, E=4, H=2, W=W, B=B, bk=None, bv=None, za=False, p=0.0, O=O, A=A, **kw):
    return F.multi_head_attention_forward(q, k, v, E, H, W, B, bk, bv, za, p, O, A, **kw)
def sdpa(*args, **kw):
    return F.scaled_dot_product_attention(*args, **kw)
def weights(n, size=3):
    return [torch.randn(*s) for s in ((n, size), (n, 4), (n,), (n,))]
def rnn(mode, gates, layers=2, two=False, p=0.0, train=True, first=False, sizes=None, input=None):
    count, states = layers * (1 + two), (h, c) if mode == "LSTM" else (h,)
    flat = [t for n in range(count) for t in weights(4 * gates, 3 if n < 1 + two else 4 * (1 + two))]
    input = (seq.transpose(0, 1) if first else seq) if input is None else input
    return functional_rnn(mode.lower(), input, [s[:count] for s in states], flat, layers, p, train, two, first, sizes)
def functional_rnn(mode, input, states, flat, layers, p, train, two, first, sizes):
    hx = tuple(states) if len(states) == 2 else states[0]
    if sizes is None:
        return getattr(torch, mode)(input, hx, flat, True, layers, p, train, two, first)
    return getattr(torch, mode)(input, sizes, hx, flat, True, layers, p, train, two)
"""
LEAVES = "x y z sig im vol w g b q k u Q K V W B O A row seq h c logp".split()
STATE = ("m", "v")

VALUES = [
    # dropout
    *[f"F.{name}" for name in (
        "dropout(x)", "dropout(x, 0.2)", "dropout(x, training=False)", "dropout(x, 0.0)", "dropout(x, 1.0)", "dropout(x * 1, 0.3, True, True)",
        "dropout(x.t())", "dropout(im.permute(0, 2, 3, 1), 0.3)", "dropout(im[:, :, ::2], 0.3)", "dropout(x, torch.tensor(0.25))",
        "dropout(torch.arange(4), 1)", "dropout(torch.zeros(0, 3))", "dropout(torch.full((4,), float('inf')), 0.5)", "dropout1d(sig)",
        "dropout1d(sig[0], 0.3)", "dropout1d(sig * 1, 0.3, inplace=True)", "dropout1d(sig[0] * 1, 0.3, inplace=True)", "dropout2d(im)",
        "dropout2d(im * 1, 0.2, True, True)", "dropout2d(sig)", "dropout2d(x)", "dropout3d(vol)", "dropout3d(im)", "dropout3d(x)",
        "dropout3d(im, training=False)", "alpha_dropout(x)", "alpha_dropout(x, 0.3, True)", "alpha_dropout(x, 1.0, True)",
        "alpha_dropout(x * 1, 0.4, True, True)", "feature_alpha_dropout(im, 0.4, True)", "feature_alpha_dropout(im)",
        "feature_alpha_dropout(im * 1, 0.4, True, True)")],
    *[f"torch.{name}" for name in (
        "dropout(x, 0.3, True)", "dropout(x, 0.3, train=False)", "dropout_(x * 1, 0.3, True)", "feature_dropout(im, 0.3, True)",
        "alpha_dropout(x, 0.3, True)", "feature_alpha_dropout_(im * 1, 0.3, True)", "native_dropout(x, 0.3, True)",
        "native_dropout(x, 0.3, False)")],
    # softmax family, activations
    *[f"F.{name}" for name in (
        "softmax(x, 1)", "softmax(x)", "softmax(x[0])", "softmax(sig)", "softmax(im)", "softmax(x[0, 0])",
        "softmax(torch.arange(3), 0, dtype=torch.float64)", "log_softmax(x, dim=-1)", "log_softmax(x)", "softmin(x, 0)", "softmin(x)",
        "softmin(x, 1, dtype=torch.float64)", "gumbel_softmax(x)", "gumbel_softmax(x, 2, True)", "gumbel_softmax(x, 0.5, dim=0)",
        "gumbel_softmax(x, eps=1e-3)", "rrelu(x)", "rrelu(x, training=True)", "rrelu(x, 0.1, 0.2, True)",
        "rrelu(x * 1, training=True, inplace=True)", "rrelu_(x * 1, 0.1, 0.2, True)", "rrelu_(x * 1)", "sigmoid(x)", "tanh(x)", "relu_(x * 1)",
        "elu_(x * 1, 0.5)", "selu_(x * 1)", "celu_(x * 1, 0.5)", "leaky_relu_(x * 1, 0.1)", "hardtanh_(x * 1)", "threshold_(x * 1, 0.1, 2)",
        "relu(x * 1, True)", "threshold(x, 0.1, 20.)", "hardsigmoid(x * 1, inplace=True)", "silu(x * 1, inplace=True)", "mish(x)",
        "gelu(x, approximate='tanh')", "glu(x)", "softplus(x, 2)", "logsigmoid(x)", "hardshrink(x)", "softshrink(x)", "tanhshrink(x)", "softsign(x)",
        "prelu(im, g)", "relu6(x)", "hardswish(x)")],
    "torch.rrelu(x, 0.1, 0.2, True)", "torch.rrelu_(x * 1)",
    # normalisation
    *[f"F.{name}" for name in (
        "batch_norm(im, m, v)", "batch_norm(im, m, v, g, b)", "batch_norm(im, None, None, g, b, True)", "batch_norm(im, m, v, g, b, True)",
        "batch_norm(im, m, v, None, None, True, 0.5, 0.1)",
        "batch_norm(sig, m, v, training=True), F.batch_norm(sig, m, v, training=True), F.batch_norm(sig, m, v)",
        "batch_norm(sig[:, :, 0], m, v, g, training=True, momentum=0.0)", "batch_norm(sig, m, v, b, training=True, momentum=1)", "instance_norm(im)",
        "instance_norm(im, weight=g, bias=b)", "instance_norm(im, m, v)", "instance_norm(im, m, v, momentum=0.3)",
        "instance_norm(im, m, v, g, b, False)", "instance_norm(sig, m, v), F.instance_norm(sig, m, v, use_input_stats=False)", "layer_norm(x, (4,))",
        "group_norm(im, 3, g, b)", "rms_norm(x, (4,), A)", "local_response_norm(im, 2)", "normalize(x)")],
    "torch.batch_norm(im, g, b, m, v, True, 0.1, 1e-5, True)", "torch.instance_norm(im, g, b, m, v, True, 0.1, 1e-5, True)",
    "torch.native_batch_norm(im, g, b, m, v, True, 0.1, 1e-5)[0]", "torch.native_batch_norm(im, g, b, m, v, False, 0.1, 1e-5)",
    # tables
    *[f"F.{name}" for name in (
        "embedding(ids, w)", "embedding(pairs, w)", "embedding(pairs, w, 1)", "embedding(pairs, w, -2)",
        "embedding(ids, w, max_norm=1.0), w.detach()", "embedding(ids, w, max_norm=1.0, norm_type=1), w._version",
        "embedding(ids, w, scale_grad_by_freq=True)", "embedding(ids.int(), w)", "embedding(ids.view(2, 2, 1), w)", "embedding_bag(pairs, w)",
        "embedding_bag(ids, w, torch.tensor([0, 3]))", "embedding_bag(ids, w, torch.tensor([0, 3]), mode='sum', per_sample_weights=x.view(-1)[:4])",
        "embedding_bag(ids, w, torch.tensor([0, 3]), mode='max')", "embedding_bag(pairs, w, max_norm=1.0), w.detach()",
        "embedding_bag(ids, w, torch.tensor([0, 1, 4]), include_last_offset=True)",
        "embedding_bag(ids, w, torch.tensor([0, 2, 2]), mode='sum', padding_idx=1)",
        "embedding_bag(ids, w, torch.tensor([0, 3]), padding_idx=-5, mode='max')",
        "embedding_bag(torch.tensor([1, 3, 1, 3]), w, torch.tensor([0, 1]), scale_grad_by_freq=True, mode='sum')",
        "embedding_bag(w, ids, torch.tensor([0, 1]))", "one_hot(ids, 6)", "one_hot(ids)")],
    "torch.embedding(w, ids)", "torch.embedding(w, ids, 1)", "torch.embedding_renorm_(w.detach(), ids, 1.0, 2.0), w.detach()",
    # pooling, resampling
    *[f"F.{name}" for name in (
        "fractional_max_pool2d(im, 2, 2)", "fractional_max_pool2d(im, (1, 2), (3, 2), return_indices=True)",
        "fractional_max_pool2d(im, 2, output_ratio=(0.5, 0.75))", "fractional_max_pool2d(im[0], 2, 2)",
        "fractional_max_pool2d(im, 2, 2, _random_samples=torch.full((2, 3, 2), 0.4))", "fractional_max_pool2d_with_indices(im, 2, 3)",
        "fractional_max_pool3d(vol, 2, 3)", "fractional_max_pool3d(vol[0], (1, 2, 3), (2, 2, 1), return_indices=True)",
        "max_pool1d(sig, 2, return_indices=True)", "max_pool2d(im, 2, return_indices=True)", "max_pool2d(im, 3, 1, 1, return_indices=True)",
        "max_pool3d(vol, 2, return_indices=True)", "max_pool2d_with_indices(im, 2)", "adaptive_max_pool1d(sig, 4, return_indices=True)",
        "adaptive_max_pool2d(im, (3, 2), True)", "adaptive_max_pool3d(vol, 2, return_indices=True)", "adaptive_max_pool2d_with_indices(im, 2)",
        "max_unpool2d(*F.max_pool2d(im, 2, return_indices=True), 2)", "upsample(im, 8)", "upsample(im, scale_factor=2, mode='bilinear')",
        "upsample_nearest(im, 3)", "upsample_bilinear(im, scale_factor=2)", "interpolate(im, (3, 5), mode='bilinear', align_corners=False)",
        "lp_pool2d(im.abs() + 1, 2, 2)")],
    # attention
    *[f"sdpa({args})" for args in (
        "q, k, k", "q, k, u", "q, k, k, scale=0.3", "q, k, k, is_causal=True", "q, k, k, seen", "q, k, k, x.new_zeros(3, 5) + 0.5",
        "q, k, k, late, is_causal=True", "q, k, k, torch.zeros(3, 5) > 0", "q[0], k[0], k[0], seen", "q[0, 0], k[0, 0], u[0, 0]",
        "q, k[:, :2], k[:, :2], enable_gqa=True", "q, k[:, :1], k[:, :1]", "q, k, k, dropout_p=0.4", "q, k, k, seen, 0.4", "q, k, k, dropout_p=1.0",
        "q, k, k, is_causal=True, dropout_p=0.2")],
    *[f"mha({args})" for args in (
        "Q, K, V", "Q, Q, Q", "Q, K, K", "Q, K, V, need_weights=False", "Q, Q, Q, need_weights=False", "Q, K, V, average_attn_weights=False",
        "Q[:, 0], K[:, 0], V[:, 0]", "Q[:, 0], K[:, 0], V[:, 0], average_attn_weights=False, key_padding_mask=hidden[0]", "Q, K, V, B=None, A=None",
        "Q, K, V, bk=row, bv=row * 2", "Q, K, V, za=True", "Q, K, V, bk=row, bv=row, za=True, attn_mask=late, key_padding_mask=hidden",
        "Q, K, V, attn_mask=late", "Q, K, V, attn_mask=late, need_weights=False", "Q, K, V, key_padding_mask=hidden",
        "Q, K, V, key_padding_mask=hidden, need_weights=False", "Q, K, V, key_padding_mask=x.new_ones(2, 5)",
        "Q, K, V, attn_mask=x.new_ones(4, 3, 5).tril()", "Q, K, V, key_padding_mask=hidden, attn_mask=x.new_zeros(3, 5)",
        "Q, K, V, attn_mask=late, is_causal=True", "Q, K, V, attn_mask=late, is_causal=True, need_weights=False",
        "Q, K, V, attn_mask=late, is_causal=True, need_weights=False, key_padding_mask=hidden", "Q, K, V, attn_mask=torch.ones(3, 5) > 0",
        "Q, K, V, attn_mask=torch.ones(3, 5) > 0, need_weights=False", "Q, K, V, p=0.5", "Q, K, V, p=0.5, need_weights=False",
        "Q, K, V, p=0.5, training=False", "Q, K, V, p=0.3, bk=row, bv=row, za=True",
        "Q, K, V, W=None, use_separate_proj_weight=True, q_proj_weight=O, k_proj_weight=W[:4], v_proj_weight=W[4:8]",
        "Q, K, K, use_separate_proj_weight=True, q_proj_weight=O, k_proj_weight=W[:4], v_proj_weight=W[4:8], B=None",
        "Q, K, V, static_k=x.new_ones(4, 6, 2), static_v=q[0, :, :, :2].repeat(1, 2, 1)")],
    # recurrent networks
    *[f"rnn({args})" for args in (
        "'LSTM', 4", "'GRU', 3", "'RNN_TANH', 1", "'RNN_RELU', 1, 1", "'LSTM', 4, two=True", "'GRU', 3, 1, True", "'LSTM', 4, p=0.5",
        "'GRU', 3, 2, True, 0.5", "'LSTM', 4, p=0.5, train=False", "'LSTM', 4, p=1.0", "'LSTM', 4, p=0.3, first=True",
        "'RNN_TANH', 1, 2, True, 0.3, first=True", "'LSTM', 4, sizes=torch.tensor([2, 2, 1]), input=seq.view(10, 3)[:5]",
        "'GRU', 3, 2, True, 0.4, sizes=torch.tensor([2, 2, 1]), input=seq.view(10, 3)[:5]")],
    # losses
    *[f"F.triplet_margin_with_distance_loss({args})" for args in (
        "x, y, z", "x, y, z, margin=2.0, swap=True", "x, y, z, reduction='none'",
        "x, y, z, reduction='sum', distance_function=lambda a, b: (a - b).abs().sum(-1)",
        "im, im * 2, im + 1, distance_function=lambda a, b: (a - b).pow(2).mean((1, 2, 3))")],
    *[f"F.ctc_loss({args})" for args in (
        "logp.log_softmax(2), labels, (6, 5), (2, 1)", "logp.log_softmax(2), labels, torch.tensor([6, 5]), torch.tensor([2, 1]), reduction='none'",
        "logp.log_softmax(2), labels.flatten(), [6, 5], [2, 2], reduction='sum'",
        "logp.log_softmax(2)[:, 0], labels[0], torch.tensor(6), torch.tensor(2)")],
    *[f"torch.{name}" for name in (
        "ctc_loss(logp.log_softmax(2), labels, (6, 5), (2, 1), 0, 2)", "kl_div(x, y.sigmoid())", "kl_div(x, y, 1, log_target=True)",
        "hinge_embedding_loss(x, x.detach().sign(), 0.5, 1)", "cosine_embedding_loss(x, y, torch.tensor([1., -1., 1.]))",
        "margin_ranking_loss(x, y, z.sign(), 0.1, 2)", "triplet_margin_loss(x, y, z, reduction=1)",
        "poisson_nll_loss(x, y.abs(), True, False, 1e-8, 1)", "binary_cross_entropy_with_logits(x, y.sigmoid(), None, None, 1)")],
    *[f"F.grouped_mm({args}], dtype=torch.int32))" for args in (
        "x, torch.randn(2, 4, 8), offs=torch.tensor([1, 3", "torch.randn(4, 8)[:, :4], W[:4].repeat(1, 2), offs=torch.tensor([1, 4",
        "x[0], W, offs=torch.tensor([1, 3", "torch.randn(2, 4, 4), torch.randn(4, 8), offs=torch.tensor([3, 8")],
    "F.grouped_mm(torch.randn(2, 4, 4), torch.randn(2, 4, 4))",
    "F.linear_cross_entropy(x, O, torch.tensor([0, 3, 1]))",
    "F.linear_cross_entropy(x, W.view(3, 2, 2, 4), torch.tensor([[[0, 1], [2, 1]]] * 3), reduction='sum')",
    "F.bilinear(x, y, W.view(3, 2, 2, 4).repeat(1, 1, 2, 1).view(6, 4, 4), W[:6, 0])",
]

ERRORS = [
    *[f"F.{name}" for name in (
        "dropout(x, 1.5)", "dropout(x, -0.1, False)", "dropout(x, 'a')", "dropout(x, None)", "dropout(torch.arange(4))",
        "dropout(torch.ones(3) > 0)", "dropout([1., 2.])", "dropout(3.0)", "dropout(x, inplace=True)",
        "dropout(torch.ones(3, dtype=torch.complex64))", "dropout1d(x, 1.5)", "dropout1d(x[0])", "dropout1d(im)", "dropout2d(x[0])",
        "dropout2d(im, 1.5)", "dropout3d(vol, 1.5)", "alpha_dropout(x, 1.5)", "alpha_dropout(torch.arange(4), 0.5, True)",
        "feature_alpha_dropout(x, -1.)", "feature_alpha_dropout(x[0], 0.5, True)", "softmax(x, 5)", "softmin(x, -3)", "softmax(torch.arange(3), 0)",
        "log_softmax(x, dim=2)", "gumbel_softmax(x, dim=5)", "gumbel_softmax(torch.arange(3))", "rrelu(x, 0.5, 0.2)", "rrelu(x, 0.5, 0.2, True)",
        "rrelu(x, float('inf'), 1., True)", "rrelu(torch.arange(3))", "rrelu(torch.arange(3), training=True)",
        "rrelu(x, training=True, inplace=True)", "batch_norm(im, None, None)", "batch_norm(im, m, None)", "batch_norm(im, m, None, training=True)",
        "batch_norm(torch.ones(1, 3), m, v, training=True)", "batch_norm(torch.ones(1, 3, 1, 1), None, None, training=True)",
        "batch_norm(torch.ones(3), None, None, training=True)", "batch_norm(im, torch.ones(2), v, training=True)",
        "batch_norm(im, m, torch.ones(2), training=True)", "batch_norm(im, m, v, torch.ones(2))", "batch_norm(im, m, v, bias=torch.ones(2))",
        "batch_norm(torch.arange(12).view(4, 3), m, v)", "batch_norm(im, m, v, training=True, momentum=None)",
        "batch_norm(im.double(), m.float(), v.float(), training=True)", "batch_norm(im.double(), m.float(), v.float())",
        "instance_norm(torch.ones(2, 3, 1, 1))", "instance_norm(torch.ones(3))", "instance_norm(im, use_input_stats=False)",
        "instance_norm(im, m, None)", "instance_norm(torch.ones(2, 3, 4).long())", "embedding(ids, w, 7)", "embedding(ids, w, -7)",
        "embedding(torch.tensor([5]), w)", "embedding(torch.tensor([-1]), w)", "embedding(ids.float(), w)", "embedding(ids.byte(), w)",
        "embedding(ids, w[0])", "embedding_bag(ids, w)", "embedding_bag(ids, w, torch.tensor([1, 2]))",
        "embedding_bag(ids, w, torch.tensor([0, 5]))", "embedding_bag(ids, w, torch.tensor([0, 2]), mode='foo')",
        "embedding_bag(ids, w, torch.tensor([0, 2]), mode='max', scale_grad_by_freq=True)",
        "embedding_bag(ids, w, torch.tensor([0, 2]), mode='max', sparse=True)", "embedding_bag(pairs, w, torch.tensor([0, 2]))",
        "embedding_bag(pairs[None], w)", "embedding_bag(torch.tensor([1, 7]), w, torch.tensor([0]))",
        "embedding_bag(ids, w, torch.tensor([[0, 2]]))", "embedding_bag(ids, w, torch.tensor([0, 2]), padding_idx=9)",
        "embedding_bag(ids, w, torch.tensor([0, 2]), per_sample_weights=x[0])",
        "embedding_bag(ids, w, torch.tensor([0, 2]), mode='sum', per_sample_weights=x[:2])", "fractional_max_pool2d(im, 2)",
        "fractional_max_pool2d(im, 2, output_ratio=0.5)", "fractional_max_pool2d(im, 2, 5)", "fractional_max_pool2d(im, 7, 2)",
        "fractional_max_pool2d(x, 2, 2)", "fractional_max_pool2d(im, 2, (2, 2, 2))", "fractional_max_pool2d(im, (2, 2, 2), 2)",
        "fractional_max_pool3d(vol, 8, 2)", "fractional_max_pool2d(im, 2, 2, _random_samples=torch.ones(2, 3, 3))",
        "fractional_max_pool2d(im, 2, 2, _random_samples=torch.rand(2, 3, 2).half())", "fractional_max_pool2d(im.long(), 2, 2)",
        "fractional_max_pool2d(torch.ones(2, 3, 0, 4), 2, 2)", "fractional_max_pool3d(vol, 2)", "upsample_bilinear(x, 8)",
        "gelu(x, approximate='foo')", "triplet_margin_with_distance_loss(x, y, z, margin=-1)", "triplet_margin_with_distance_loss(x, y, z[0])",
        "triplet_margin_with_distance_loss(x, y, z, reduction='foo')", "ctc_loss(logp, labels, (7, 5), (2, 1))",
        "ctc_loss(logp, labels, (6, -1), (2, 1))", "ctc_loss(logp, labels, (6, 5), (3, 1))", "ctc_loss(logp, labels, (6,), (2, 1))",
        "ctc_loss(logp, labels, (6, 5), (2,))", "ctc_loss(logp, labels, (6, 5), (2, 1), 7)", "ctc_loss(logp, labels.flatten(), (6, 5), (2, 1))",
        "ctc_loss(logp, labels, torch.tensor([6., 5.]), torch.tensor([2, 1]))", "ctc_loss(logp, labels, (6, 5), (2, 1), reduction='foo')")],
    *[f"torch.{name}" for name in (
        "dropout(x, 1.5, True)", "dropout(x, 1.5, False)", "alpha_dropout(x, -1., True)", "feature_dropout(x[0], 0.5, True)",
        "kl_div(x, y, reduction='mean')", "poisson_nll_loss(x, y)", "lstm(seq, (h,), [], True, 1, 0., False, False, False)")],
    *[f"sdpa({args})" for args in (
        "q, k, k, dropout_p=1.5", "q, k, k, torch.ones(3, 4) > 0", "q.long(), k.long(), k.long()", "q, k[:, :3], k[:, :3], enable_gqa=True",
        "q, k[:, :2], k[:, :2]", "q[0, 0, 0], k[0, 0], k[0, 0]", "q.float(), k.double(), k.float()", "q, k[..., :3], k",
        "q, k, k, torch.ones(3, 5).long()", "q[0], k[0], k[0], seen, is_causal=True", "q, k, k, seen, 0.5, True")],
    *[f"mha({args})" for args in (
        "Q, K, V, E=5", "Q, K, V, H=3", "Q, K[:4], V", "Q, K, V[:, :, :3]", "Q[0], K, V", "Q[None], K, V", "Q[:, 0], K, V", "Q, K[:, 0], V[:, 0]",
        "Q, K, V, key_padding_mask=hidden[:, :4]", "Q, K, V, key_padding_mask=hidden[0]", "Q[:, 0], K[:, 0], V[:, 0], key_padding_mask=hidden",
        "Q, K, V, key_padding_mask=hidden.long()", "Q, K, V, attn_mask=late.long()", "Q, K, V, attn_mask=late[:, :4]",
        "Q, K, V, attn_mask=late[None].repeat(2, 1, 1)", "Q, K, V, attn_mask=late[0]", "Q[:, 0], K[:, 0], V[:, 0], attn_mask=late[None]",
        "Q, K, V, is_causal=True", "Q, K, V, use_separate_proj_weight=True", "Q, K, V, use_separate_proj_weight=True, q_proj_weight=O",
        "Q, K, V, use_separate_proj_weight=True, q_proj_weight=O, k_proj_weight=O", "Q, K, V, W=None",
        "Q, K, V, bk=row, bv=row, static_k=torch.ones(4, 6, 2)", "Q, K, V, bk=row, bv=row, static_v=torch.ones(4, 6, 2)",
        "Q, K, V, static_k=x.new_ones(4, 6, 3), static_v=x.new_ones(4, 6, 2)", "Q, K, V, static_k=x.new_ones(3, 6, 2), static_v=x.new_ones(4, 6, 2)",
        "Q, K, V, static_k=x.new_ones(4, 6, 2), static_v=x.new_ones(3, 6, 2)", "Q, K, V, static_k=x.new_ones(4, 6, 2), static_v=x.new_ones(4, 6, 3)",
        "Q, K, V, p=1.5", "Q, K[:, :1], V[:, :1]", "Q, K, V, bk=row")],
]


def plain(value: Any) -> Any:
    """A result as NumPy arrays and text, so that those of both frameworks compare."""
    if isinstance(value, torch.Tensor | jtorch.Tensor):
        return str(value.dtype).split(".")[-1], tuple(value.shape), value.requires_grad, value.detach().numpy()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


def assert_same(want: Any, got: Any, rtol: float) -> None:
    """Equal structure, arrays equal within the tolerance."""
    assert type(want) is type(got), (want, got)
    if isinstance(want, (list, tuple)):
        assert len(want) == len(got), (want, got)
        for w, g in zip(want, got):
            assert_same(w, g, rtol)
    elif isinstance(want, np.ndarray):
        finite = np.abs(np.nan_to_num(np.asarray(want, np.float64), posinf=0, neginf=0))
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol / 3 * finite.max(initial=1))    # some elements are differences of big numbers
    else:
        assert want == got


def tensors(value: Any) -> list[Any]:
    """All tensors in a result."""
    if isinstance(value, (list, tuple)):
        return [t for part in value for t in tensors(part)]
    return [value] if isinstance(value, FRAMEWORKS[0].Tensor | FRAMEWORKS[1].Tensor) else []


def run(framework: Any, code: str, kind: str) -> list[Any]:
    """What the code does: its value, the gradients, running statistics, the next random number; or its error; and its warnings."""
    framework.set_default_dtype(getattr(framework, kind))
    framework.manual_seed(7)
    space: dict[str, Any] = {"torch": framework, "F": framework.nn.functional}
    exec(SETUP, space)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                value = eval(code, space)
            except Exception as error:
                return [type(error).__name__, str(error).partition("\n")[0].replace("jtorch.", "torch."), texts(caught)]
        following = framework.rand(2)
        found = [plain(value), plain([space[name] for name in STATE]), plain(following)]
        flowing = [t for t in tensors(value) if t.requires_grad]
        if flowing:
            sum((t * t + t).sum() for t in flowing).backward()
        return [*found, [plain(space[name].grad) for name in LEAVES], texts(caught)]
    finally:
        framework.set_default_dtype(framework.float32)


def texts(caught: list[Any]) -> list[str]:
    """What was warned of."""
    return [f"{w.category.__name__}: {w.message}".replace("jtorch.", "torch.") for w in caught]


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("code", VALUES)
def test_values_gradients_and_state(code: str, kind: str) -> None:
    rtol = 3e-5 if kind == "float32" or "hardsigmoid" in code else 1e-9      # sums in another order; hardsigmoid's 1/6 is float32 in PyTorch
    assert_same(run(torch, code, kind), run(jtorch, code, kind), rtol)


@pytest.mark.parametrize("code", ERRORS)
def test_errors(code: str) -> None:
    want, got = run(torch, code, "float32"), run(jtorch, code, "float32")
    assert len(want) == 3, f"PyTorch allows {code}"
    assert got == want


INTERNAL = {"Optional", "assert_int_or_pair", "boolean_dispatch", "handle_torch_function", "has_torch_function", "has_torch_function_unary",
            "has_torch_function_variadic"}                   # leftovers of PyTorch's own module
MISSING = {"scaled_mm", "scaled_grouped_mm"}                 # 8-bit floating point products, which PyTorch's CPU build mostly lacks too


def test_every_function_is_there() -> None:
    theirs = {name for name, found in vars(torch.nn.functional).items()
              if name[0] != "_" and callable(found) and not inspect.isclass(found)} - INTERNAL - MISSING
    assert not {name for name in theirs if not callable(getattr(jtorch.nn.functional, name, None))}


SIGNATURES = [name for name, found in vars(torch.nn.functional).items() if inspect.isfunction(found) and name[0] != "_"
              and name not in INTERNAL | MISSING and "args" not in inspect.signature(found).parameters]


@pytest.mark.parametrize("name", SIGNATURES)
def test_parameters(name: str) -> None:
    want = inspect.signature(getattr(torch.nn.functional, name)).parameters
    got = inspect.signature(getattr(jtorch.nn.functional, name)).parameters
    assert [(p.name, p.default) for p in got.values()] == [(p.name, p.default) for p in want.values()]


# Modules in training, then in evaluation: results, gradients and buffers of three steps
MODULES = [
    ("BatchNorm1d(3)",                                                           "torch.randn(4, 3)"),
    ("BatchNorm2d(3, momentum=None)",                                            "torch.randn(2, 3, 4, 4)"),
    ("BatchNorm3d(2)",                                                           "torch.randn(2, 2, 3, 3, 3)"),
    ("InstanceNorm1d(3, track_running_stats=True)",                              "torch.randn(2, 3, 5)"),
    ("Dropout(0.3)",                                                             "torch.randn(3, 4)"),
    ("RReLU()",                                                                  "torch.randn(3, 4)"),
    ("LSTM(3, 4, 2, dropout=0.4, bidirectional=True, batch_first=True)",         "torch.randn(2, 5, 3)"),
    ("LSTM(3, 4, 2, proj_size=2)",                                               "torch.randn(5, 2, 3)"),
    ("GRU(3, 4, 2, dropout=0.4)",                                                "pack(torch.randn(5, 2, 3), [5, 3])"),
    ("RNN(3, 4, 2, bidirectional=True)",                                         "pack(torch.randn(5, 2, 3), [2, 4], enforce_sorted=False)"),
    ("LSTM(3, 4, 2, dropout=0.4, bidirectional=True, proj_size=2)",              "pack(torch.randn(5, 2, 3), [5, 2])"),
    ("TransformerEncoderLayer(4, 2, 8, 0.3, batch_first=True)",                  "torch.randn(2, 3, 4)"),
    ("TransformerEncoderLayer(4, 2, 8, 0.3, norm_first=True, activation='gelu')","torch.randn(3, 2, 4)"),
]


def steps(framework: Any, code: str, input: str) -> list[Any]:
    """Two steps in training and one in evaluation."""
    space = {"torch": framework, "pack": framework.nn.utils.rnn.pack_padded_sequence}
    framework.manual_seed(3)
    model = eval(f"torch.nn.{code}", space)
    found = []
    for training in (True, True, False):
        flowing = tensors(model.train(training)(eval(input, space)))
        model.zero_grad()
        floating = [t for t in flowing if t.requires_grad]
        if floating:
            sum((t * t).sum() for t in floating).backward()
        found.append([plain(flowing), plain([p.grad for p in model.parameters()]), plain(list(model.buffers()))])
    return found


@pytest.mark.parametrize("code, input", MODULES)
def test_modules_step_by_step(code: str, input: str) -> None:
    assert_same(steps(torch, code, input), steps(jtorch, code, input), 3e-5)
