"""The table of cases for layers: convolution, pooling, normalisation, look-up tables, recurrence, attention, padding and resampling."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from cases_nn import Sample, case, f, i, index, inf, kw, levels, nan, raises, u, v

# convolutions: stride, padding, dilation, groups, unbatched; few channels (patches), many (XLA), depthwise, pointwise
for n, name in ((1, "conv1d"), (2, "conv2d"), (3, "conv3d")):
    space = (7, 6, 5)[:n]
    for channels in (2, 20):
        case(name, f(2, channels, *space), f(3, channels, *(3,) * n), f(3))
        case(name, f(2, channels, *space), f(3, channels, *(2,) * n), None, 2, 1)
    case(name, f(2, *space), f(3, 2, *(2,) * n), f(3), dilation=2, padding=1)
    case(name, f(2, 20, *space), f(3, 20, *(3,) * n), f(3), dilation=2, padding=2, stride=2, tolerance=5)     # longer sums
    case(name, f(2, 4, *space), f(6, 2, *(3,) * n), f(6), padding=1, groups=2)
    case(name, f(2, 4, *space), f(8, 1, *(3,) * n), f(8), padding=1, stride=2, groups=4)
    case(name, f(2, 4, *space), f(3, 4, *(1,) * n), f(3), stride=2)
    case(name, f(2, 2, *space), f(3, 2, *(4,) * n), padding="same")
    case(name, f(2, 2, *space), f(3, 2, *(2,) * n), padding="valid", dilation=2)
    transposed = name.replace("conv", "conv_transpose")
    for channels in (2, 20):
        case(transposed, f(2, 3, *space), f(3, channels, *(3,) * n), f(channels))
        case(transposed, f(2, 3, *space), f(3, channels, *(3,) * n), f(channels), 2, 1, 1)
    case(transposed, f(4, *space), f(4, 3, *(2,) * n), f(6), 3, 1, 2, 2, 2)
    case(transposed, f(2, 4, *space), f(4, 1, *(3,) * n), groups=4, stride=2)
    case(transposed, f(2, 3, *space), f(3, 2, *(3,) * n), dilation=2, output_padding=1)
case("conv2d", f(1, 2, 6, 7), f(3, 2, 2, 3), None, (2, 1), (1, 0), (1, 2))
case("conv2d", f(0, 2, 6, 7), f(3, 2, 2, 3))
case("conv2d", f(10, 32, 16, 16), f(64, 32, 3, 3, scale=0.1), f(64), padding=1, tolerance=50)                     # sums of 2560 products
case("conv_transpose2d", f(10, 32, 16, 16), f(32, 48, 4, 4, scale=0.1), f(48), 2, 1, tolerance=50)                 # the same
case("conv_tbc", f(5, 2, 3), f(3, 3, 4), f(4), 1, against=torch.conv_tbc)
raises("conv2d", f(1, 3, 8, 8), f(6, 1, 3, 3))
raises("conv2d", f(3, 8), f(6, 1, 3, 3))
raises("conv1d", f(8), f(6, 1, 3))
raises("conv2d", f(1, 1, 2, 2), f(6, 1, 3, 3))
raises("conv2d", f(1, 1, 2, 2), f(6, 1, 3, 3), padding="other")
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), padding="same", stride=2)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), f(5))
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), stride=0)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), padding=-1)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), dilation=0)
raises("conv2d", f(1, 1, 8, 8), f(6, 1, 3, 3), stride=(1, 1, 1))
raises("conv2d", f(1, 4, 8, 8), f(5, 2, 3, 3), groups=2)
raises("conv2d", f(1, 4, 8, 8), f(6, 2, 3, 3), groups=3)
raises("conv2d", i([[[[1]]]]), f(1, 1, 1, 1))
raises("conv_transpose2d", f(1, 3, 8, 8), f(6, 1, 3, 3))
raises("conv_transpose2d", f(1, 3, 8, 8), f(3, 6, 3, 3), f(5))
raises("conv_transpose2d", f(1, 3, 8, 8), f(3, 6, 3, 3), stride=2, output_padding=2)
raises("conv_transpose2d", f(1, 4, 2, 2), f(4, 3, 1, 1), padding=2)

# pooling: overlapping, padded, ceil, dilated, ties, unbatched, global
for n in (1, 2, 3):
    space = (7, 6, 5)[:n]
    for draw in (f, levels):
        case(f"max_pool{n}d", draw(2, 3, *space), 2)
        case(f"max_pool{n}d", draw(3, *space), 3, 2, 1)
        case(f"max_pool{n}d", draw(2, 3, *space), 3, 2, 1, ceil_mode=True)
        case(f"max_pool{n}d", draw(2, 3, *space), 2, 1, 0, 2)
        case(f"max_pool{n}d_with_indices", draw(2, 3, *space), 3, 2, 1, 1, True, tolerance=1)
    case(f"max_pool{n}d", levels(2, 3, *space), 3, 2, return_indices=True)
    case(f"avg_pool{n}d", f(2, 3, *space), 2)
    case(f"avg_pool{n}d", f(3, *space), 3, 2, 1)
    case(f"avg_pool{n}d", f(2, 3, *space), 3, 2, 1, True)
    case(f"avg_pool{n}d", f(2, 3, *space), 3, 2, 1, True, False)
    case(f"lp_pool{n}d", u(2, 3, *space), 2, 3, 2, ceil_mode=True)
    case(f"lp_pool{n}d", u(2, 3, *space), 1.5, 2)
    for out in (1, 3, (4, 2, 3)[:n], (2, None, 1)[:n]):
        case(f"adaptive_avg_pool{n}d", f(2, 3, *space), out)
        case(f"adaptive_max_pool{n}d", levels(2, 3, *space), out)
        case(f"adaptive_max_pool{n}d_with_indices", levels(2, 3, *space), out)
    case(f"adaptive_avg_pool{n}d", f(3, *(6,) * n), 3)
    case(f"adaptive_max_pool{n}d", levels(3, *(6,) * n), 3)
    pooled = Sample(lambda rng, n=n: getattr(torch.nn.functional, f"max_pool{n}d_with_indices")(
        torch.tensor(rng.standard_normal((2, 3, *(6,) * n))), 2)[1].numpy(), floating=False)
    case(f"max_unpool{n}d", f(2, 3, *(3,) * n), pooled, 2)
    case(f"max_unpool{n}d", f(2, 3, *(3,) * n), pooled, 2, output_size=(7,) * n)
case("max_pool1d", levels(2, 3, 20), 20)
case("max_pool2d", v([[1, nan], [nan, 2]]), 2, return_indices=True, gradient=False)
case("max_pool2d", v([[-inf, -inf], [-inf, -inf]]), 2, 1, 1, return_indices=True)
case("max_pool2d", i([[[1, 2], [3, 4]]]), 2)
case("avg_pool2d", f(1, 1, 4, 4), 2, divisor_override=3)
case("avg_pool2d", i([[[1, 2], [-3, -5]]]), 2)
FRACTIONS = torch.tensor([[[0.3, 0.6], [0.1, 0.9], [0.5, 0.2]]] * 2, dtype=torch.float64)
case("fractional_max_pool_apply", f(2, 3, 9, 8), Sample(lambda rng: FRACTIONS.numpy()), (2, 3), (4, 3), fixed=(1,),
     against=lambda x, samples, kernel, out: torch.nn.functional.fractional_max_pool2d_with_indices(x, kernel, out, _random_samples=samples))
raises("max_pool2d", f(1, 1, 2, 2), 3)
raises("max_pool2d", f(1, 1, 4, 4), 2, padding=2)
raises("max_pool2d", f(4, 4), 2)
raises("max_pool2d", f(1, 1, 4, 4), 2, stride=0)
raises("max_pool2d", f(1, 1, 4, 4), (2, 2, 2))
raises("max_pool1d", f(4), 2)
raises("max_pool1d", f(1, 4), 2, padding=2)
raises("max_pool1d", f(1, 4), 5)
raises("max_pool3d", f(4, 4), 2)
raises("avg_pool2d", f(1, 1, 2, 2), 3)
raises("avg_pool2d", f(1, 1, 4, 4), 2, padding=2)
raises("avg_pool2d", f(1, 1, 4, 4), 2, divisor_override=0)
raises("avg_pool1d", f(5), 2)
raises("avg_pool3d", f(5, 5), 2)
raises("adaptive_avg_pool2d", f(5, 5), (2, 2))
raises("adaptive_avg_pool2d", f(1, 1, 5, 5), (2, 2, 2))
raises("adaptive_avg_pool1d", f(5), 2)
raises("adaptive_avg_pool2d", f(1, 1, 0, 5), 2)
raises("adaptive_max_pool2d", f(5, 5), (2, 2))
raises("max_unpool2d", f(1, 1, 2, 2), i([[[[0, 1], [2, 3]]]]), 2, output_size=(9, 5))
raises("max_unpool2d", f(1, 1, 2, 2), i([[[[0, 1], [2, 3]]]], "int32"), 2)
raises("max_unpool2d", f(1, 1, 2, 2), i([[[[0, 1]]]]), 2)

# normalisation: the statistics too
def batch_norm_train(x: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5) -> tuple:
    """PyTorch's, with the batch's statistics as running ones at momentum 1."""
    mean, var = torch.zeros(x.shape[1], dtype=x.dtype), torch.ones(x.shape[1], dtype=x.dtype)
    return torch.nn.functional.batch_norm(x, mean, var, weight, bias, True, 1.0, eps), mean, var


def instance_norm_train(x: torch.Tensor, weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, eps: float = 1e-5) -> tuple:
    """The same for instances."""
    mean, var = torch.zeros(x.shape[1], dtype=x.dtype), torch.ones(x.shape[1], dtype=x.dtype)
    return torch.nn.functional.instance_norm(x, mean, var, weight, bias, True, 1.0, eps), mean, var


for shape in ((4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2)):
    case("batch_norm_train", f(*shape), f(3), f(3), against=batch_norm_train)
    case("batch_norm_train", f(*shape), eps=0.1, against=batch_norm_train)
    case("batch_norm_eval", f(*shape), f(3), u(3), f(3), f(3), 0.01, fixed=(1, 2),
         against=lambda x, mean, var, weight, bias, eps: torch.nn.functional.batch_norm(x, mean, var, weight, bias, False, 0.1, eps))
    if len(shape) > 2:
        case("instance_norm_train", f(*shape), f(3), f(3), against=instance_norm_train)
case("layer_norm", f(2, 3, 4), (4,), f(4), f(4))
case("layer_norm", f(2, 3, 4), (3, 4), f(3, 4), f(3, 4), 0.01)
case("layer_norm", f(2, 3, 4), (4,), f(4))
case("layer_norm", f(4), (4,))
case("rms_norm", f(2, 3, 4), (4,), f(4))
case("rms_norm", f(2, 3, 4), (3, 4), None, 0.01)
case("rms_norm", v([0, 0, 0]), (3,))
case("group_norm", f(2, 6, 4), 3, f(6), f(6))
case("group_norm", f(2, 6, 2, 3), 2, eps=0.01)
case("group_norm", f(2, 6), 2)
for size in (1, 2, 3, 5):
    case("local_response_norm", f(2, 6, 3), size, 0.5, 0.6, 2.0)
case("local_response_norm", f(2, 6, 3, 4), 3)
raises("layer_norm", f(2, 3), (4,))
raises("layer_norm", f(2, 3), ())
raises("layer_norm", f(2, 3), (3,), f(4))
raises("layer_norm", f(2, 3), (3,), f(3), f(4))
raises("layer_norm", i([[1, 2]]), (2,))
raises("rms_norm", f(2, 3), (4,))
raises("rms_norm", f(2, 3), (3,), f(2))
raises("group_norm", f(2, 3), 2)
raises("group_norm", f(2, 4), 2, f(3))
raises("group_norm", f(4), 2)
raises("group_norm", f(1, 4), 4)
raises("local_response_norm", f(2, 3), 2)

# look-up tables
case("embedding", i([[1, 0, 1], [3, 2, 1]]), f(4, 3))
case("embedding", i(2), f(4, 3))
case("embedding", i([1, 0, 1, 3]), f(4, 3), 1)
case("embedding", i([1, 0, 1, 3], "int32"), f(4, 3), -1)
case("embedding", i([1, 0, 1, 3]), f(4, 3), scale_grad_by_freq=True)
case("embedding", i([1, 0]), f(4, 3), max_norm=1.0, gradient=False)
case("embedding", i([1, 0]), f(4, 3), max_norm=1.0, norm_type=1.0, gradient=False)
case("embedding_renorm", f(4, 3), i([1, 0, 1]), 1.0, 2.0, gradient=False,
     against=lambda weight, index, *rest: torch.embedding_renorm_(weight.clone(), index, *rest))
for mode in ("sum", "mean", "max"):
    case("embedding_bag", i([[1, 0, 1], [3, 2, 1]]), f(4, 3), mode=mode)
    case("embedding_bag", i([1, 0, 1, 3, 2, 1]), f(4, 3), i([0, 2, 2, 5]), mode=mode)
    case("embedding_bag", i([1, 0, 1, 3, 2, 1]), f(4, 3), i([0, 2, 2, 6]), mode=mode, include_last_offset=True)
    case("embedding_bag", i([1, 0, 1, 3, 1, 1]), f(4, 3), i([0, 2, 4]), mode=mode, padding_idx=1)
case("embedding_bag", i([1, 0, 1, 3, 1, 1]), f(4, 3), i([0, 2, 4]), mode="sum", per_sample_weights=f(6))
case("embedding_bag", i([1, 0, 1, 1, 1, 1]), f(4, 3), i([0, 2, 4]), mode="mean", scale_grad_by_freq=True)
raises("embedding", f(2), f(3, 2))
raises("embedding", i([1]), f(3, 2), padding_idx=3)
raises("embedding", i([1]), f(3))
raises("embedding", i([1], "int16"), f(3, 2))
raises("embedding_bag", i([1, 2]), f(3, 2))
raises("embedding_bag", i([[1, 2]]), f(3, 2), i([0]))
raises("embedding_bag", i([1, 2]), f(3, 2), i([[0, 3]]))
raises("embedding_bag", i([1, 2]), f(3, 2), i([0]), mode="other")
raises("embedding_bag", i([1, 2]), f(3, 2), i([0]), per_sample_weights=f(2))
raises("embedding_bag", i([1, 2]), f(3, 2), i([0]), mode="sum", per_sample_weights=f(3))
raises("embedding_bag", f(2, 2), f(3, 2))
raises("embedding_bag", index(2, 2, 2, 2), f(3, 2))


# recurrent networks: modes, layers, directions, projections, dropout masks, lengths
def network(mode: str) -> Callable:
    """PyTorch's network in the operands' order of `lstm_apply` and `rnn_apply`."""
    def run(x: torch.Tensor, *rest: object, **options: object) -> tuple:
        rest = list(rest)
        states = [rest.pop(0) for _ in range(2 if mode == "lstm" else 1)]
        weights = rest.pop(0)
        settings = dict(has_biases=True, num_layers=1, bidirectional=False, batch_first=False) | options
        settings.pop("projected", None), settings.pop("mode", None)
        lengths = settings.pop("lengths", None)
        hx = states if mode == "lstm" else states[0]
        order = [settings["has_biases"], settings["num_layers"], 0.0, False, settings["bidirectional"]]
        if lengths is None:
            return getattr(torch, mode)(x, hx, weights, *order, settings["batch_first"])
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
        data, *last = getattr(torch, mode)(packed.data, packed.batch_sizes, hx, weights, *order)
        return torch.nn.utils.rnn.pad_packed_sequence(torch.nn.utils.rnn.PackedSequence(data, packed.batch_sizes))[0], *last
    return run


def parameters(gates: int, features: int, hidden: int, layers: int = 1, directions: int = 1, biases: bool = True,
               projection: int = 0) -> list[Sample]:
    """Weights as PyTorch orders them."""
    made, state = [], projection or hidden
    for layer in range(layers):
        for _ in range(directions):
            made += [f(gates * hidden, features if layer == 0 else state * directions, scale=0.5), f(gates * hidden, state, scale=0.5)]
            made += [f(gates * hidden), f(gates * hidden)] if biases else []
            made += [f(projection, hidden)] if projection else []
    return made


for mode, gates in (("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("rnn_relu", 1)):
    name, option, states = ("lstm_apply", {}, 2) if mode == "lstm" else ("rnn_apply", kw(mode=mode), 1)
    case(name, f(5, 2, 3), *[f(1, 2, 4)] * states, parameters(gates, 3, 4), against=network(mode), **option)
    case(name, f(2, 5, 3), *[f(4, 2, 4)] * states, parameters(gates, 3, 4, 2, 2, False), against=network(mode), has_biases=False, num_layers=2,
         bidirectional=True, batch_first=True, **option)
    case(name, f(5, 3, 3), *[f(2, 3, 4)] * states, parameters(gates, 3, 4, 1, 2), lengths=i([5, 3, 1]), bidirectional=True,
         against=network(mode), **option)
    cell, hx = f"{mode}_cell", [f(2, 4)] * 2 if mode == "lstm" else f(2, 4)
    case(cell, f(2, 3), hx, *parameters(gates, 3, 4), against=getattr(torch, cell))
    case(cell, f(2, 3), hx, *parameters(gates, 3, 4, biases=False), against=getattr(torch, cell))
case("lstm_apply", f(5, 2, 3), f(4, 2, 2), f(4, 2, 4), parameters(4, 3, 4, 2, 2, True, 2), num_layers=2, bidirectional=True, projected=True,
     against=network("lstm"))


# attention
def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *rest: object, **options: object) -> torch.Tensor:
    """PyTorch's without dropout."""
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, *rest, **options)


TRIPLE = f(2, 3, 5, 4), f(2, 3, 6, 4), f(2, 3, 6, 2)
MASK = i(np.arange(30).reshape(5, 6) % 3 > 0, "bool")
case("scaled_dot_product_attention_apply", *TRIPLE, against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, is_causal=True, against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, MASK, scale=0.3, against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, f(2, 1, 5, 6), against=attention)
case("scaled_dot_product_attention_apply", *TRIPLE, i([[0] * 6, [1] * 6, [0] * 6, [1] * 6, [1] * 6], "bool"), against=attention)
case("scaled_dot_product_attention_apply", f(5, 4), f(6, 4), f(6, 4), against=attention)
case("scaled_dot_product_attention_apply", f(2, 4, 5, 3), f(2, 2, 6, 3), f(2, 2, 6, 3), enable_gqa=True, against=attention)
raises("scaled_dot_product_attention_apply", f(3), f(3), f(3))
raises("scaled_dot_product_attention_apply", f(1, 2, 3), f(1, 2, 4), f(1, 2, 3))
raises("scaled_dot_product_attention_apply", f(1, 2, 3), f(1, 2, 3), f(1, 2, 3), f(2, 2), is_causal=True)
raises("scaled_dot_product_attention_apply", f(1, 2, 3), i([[[1, 2, 3]]]), f(1, 2, 3))
raises("scaled_dot_product_attention_apply", f(1, 2, 3), f(1, 2, 3), f(1, 2, 3), i([[1, 0], [0, 1]]))
raises("scaled_dot_product_attention_apply", f(1, 4, 2, 3), f(1, 2, 2, 3), f(1, 2, 2, 3))
raises("scaled_dot_product_attention_apply", f(1, 4, 2, 3), f(1, 3, 2, 3), f(1, 3, 2, 3), enable_gqa=True)

# padding and rearranging
case("pad", f(2, 3), (1, 2))
case("pad", f(2, 3), (1, -2, 0, 1), "constant", 1.5)
case("pad", f(2, 3), (-3, 0))
case("pad", i([[1, 2]]), (1, 1), "constant", 2.5)
case("pad", i([[1, 0]], "bool"), (1, 1), "constant", True)
for mode in ("reflect", "replicate", "circular"):
    case("pad", f(2, 3), (2, 1), mode)
    case("pad", f(2, 3, 4), (0, 2), mode)
    case("pad", f(1, 2, 3, 4), (2, 1, 1, 2), mode)
    case("pad", f(1, 2, 3, 4, 3), (2, 1, 1, 2, 0, 1), mode)
    case("pad", f(1, 2, 5), (-1, 2), mode)
    case("pad", f(1, 2, 5), (2, -1), mode)
    raises("pad", f(2, 3), (1, 1, 1, 1), mode)
    raises("pad", f(2, 3), (1, 1), mode, 2.0)
    raises("pad", f(1, 1, 0), (1, 1), mode)
case("pad", f(1, 2, 5), (-5, 6), "replicate")
raises("pad", f(2, 3), (1,))
raises("pad", f(2, 3), (1, 1, 1, 1, 1, 1))
raises("pad", f(2, 3), (3, 1), "reflect")
raises("pad", f(1, 1, 2, 3), (1, 1, 1, 2), "reflect")
raises("pad", f(2, 3), (4, 1), "circular")
raises("pad", f(2, 3), (-4, 0))
raises("pad", f(2, 3), (1, 1), "other")
raises("pad", i([[1, 0]], "bool"), (1, 1), "replicate")
case("unfold", f(2, 3, 4, 5), (2, 3), 1, (1, 0), (2, 1))
case("unfold", f(3, 5, 5), 2, 2)
case("fold", f(2, 12, 9), (4, 4), 2)
case("fold", f(12, 25), (4, 7), (2, 3), 1, (1, 0), 1)
case("pixel_shuffle", f(2, 8, 3, 4), 2)
case("pixel_shuffle", f(9, 1, 2), 3)
case("pixel_unshuffle", f(2, 2, 6, 4), 2)
case("channel_shuffle", f(2, 6, 3), 3)
raises("unfold", f(1, 1, 4, 4), 5)
raises("unfold", f(4, 4), 2)
raises("unfold", f(1, 1, 4, 4), 0)
raises("unfold", i([[[1, 2]]]), 1)
raises("fold", f(1, 4, 5), 4, 2)
raises("fold", f(1, 5, 9), 4, 2)
raises("fold", f(4), 4, 2)
raises("pixel_shuffle", f(1, 3, 2, 2), 2)
raises("pixel_shuffle", f(2, 2), 2)
raises("pixel_shuffle", f(4, 2, 2), 0)
raises("pixel_unshuffle", f(1, 3, 3, 2), 2)
raises("pixel_unshuffle", f(1, 3, 2, 3), 2)
raises("channel_shuffle", f(1, 3, 2, 2), 2)
raises("channel_shuffle", f(3, 2), 2)
raises("channel_shuffle", f(1, 3, 2, 2), 0)

# resampling
for n, mode in ((1, "linear"), (2, "bilinear"), (2, "bicubic"), (3, "trilinear")):
    space = (5, 4, 3)[:n]
    for align in (None, True):
        case("interpolate", f(2, 2, *space), (7, 3, 6)[:n], None, mode, align)
        case("interpolate", f(2, 2, *space), None, 1.6, mode, align)
    case("interpolate", f(2, 2, *space), None, 2, mode)
    case("interpolate", f(2, 2, *space), None, 1.5, mode, recompute_scale_factor=True)
    case("interpolate", f(2, 2, *space), 1, None, mode, True)
for n in (1, 2, 3):
    space = (5, 4, 3)[:n]
    for mode in ("nearest", "nearest-exact"):
        case("interpolate", f(2, 2, *space), None, 2, mode)
        case("interpolate", f(2, 2, *space), None, 1.7, mode)
        case("interpolate", f(2, 2, *space), 3, None, mode)
    case("interpolate", f(2, 2, *space), 3, None, "area")
for mode in ("bilinear", "bicubic", "lanczos"):
    case("interpolate", f(1, 2, 9, 8), (4, 3), None, mode, antialias=True)
    case("interpolate", f(1, 2, 5, 4), (8, 9), None, mode, antialias=True)
    if mode != "lanczos":
        case("interpolate", f(1, 2, 9, 8), (4, 3), None, mode, True, antialias=True)
case("interpolate", i(np.arange(16).reshape(1, 1, 4, 4), "uint8"), 3)
case("interpolate", i(np.arange(16).reshape(1, 1, 4, 4), "uint8"), 3, None, "bilinear")
raises("interpolate", f(1, 1, 4, 4))
raises("interpolate", f(1, 1, 4, 4), 2, 2)
raises("interpolate", f(1, 1, 4, 4), 2, mode="linear")
raises("interpolate", f(1, 1, 4), 2, mode="bilinear")
raises("interpolate", f(1, 4), 2)
raises("interpolate", f(1, 1, 4, 4), 2, mode="nearest", align_corners=True)
raises("interpolate", f(1, 1, 4, 4), (2, 2, 2))
raises("interpolate", f(1, 1, 4, 4), None, (2.0, 2.0, 2.0))
raises("interpolate", f(1, 1, 4, 4), 2, mode="other")
raises("interpolate", f(1, 1, 4, 4), 2, antialias=True)
raises("interpolate", f(1, 1, 4, 4), 0)
raises("interpolate", f(1, 1, 4, 4), None, 0.1)
raises("interpolate", f(1, 1, 4, 4), 2, recompute_scale_factor=True)
raises("interpolate", f(1, 0, 4, 4), 2)
raises("interpolate", i([[[[1, 2]]]]), 2)
raises("interpolate", i([[[[1, 2]]]]), 2, mode="bilinear")
raises("interpolate", f(1, 1, 4, 4), 2, mode="lanczos")
raises("interpolate", f(1, 1, 4, 4), 2, mode="lanczos", align_corners=True, antialias=True)
GRID2, GRID3 = u(2, 3, 4, 2, low=-1.4, high=1.4), u(2, 2, 3, 2, 3, low=-1.4, high=1.4)
for mode in ("bilinear", "nearest", "bicubic"):
    for padding in ("zeros", "border", "reflection"):
        for align in (False, True):
            case("grid_sample", f(2, 2, 5, 4), GRID2, mode, padding, align)
            if mode != "bicubic":
                case("grid_sample", f(2, 2, 3, 5, 4), GRID3, mode, padding, align)
for align in (False, True):
    case("affine_grid", f(2, 2, 3), (2, 1, 4, 5), align)
    case("affine_grid", f(2, 3, 4), (2, 1, 2, 1, 3), align)
raises("grid_sample", f(1, 1, 4, 4), f(1, 2, 2, 3))
raises("grid_sample", f(1, 1, 4, 4), f(2, 2, 2, 2))
raises("grid_sample", f(1, 1, 4, 4), f(1, 2, 2, 2), "other")
raises("grid_sample", f(1, 1, 4, 4), f(1, 2, 2, 2), "bilinear", "other")
raises("grid_sample", f(1, 1, 4, 4, 4), f(1, 2, 2, 2, 3), "bicubic", align_corners=True)
raises("affine_grid", f(1, 2, 2), (1, 1, 2, 2))
raises("affine_grid", f(1, 2, 3), (1, 1, 2))
raises("affine_grid", i([[[1, 2, 3]] * 2]), (1, 1, 2, 2))
raises("affine_grid", f(1, 2, 3), (1, 1, 0, 2))
