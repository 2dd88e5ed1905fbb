"""PyTorch's operators on zeros, ties, infinities and nan: results, gradients and gradients of gradients."""
from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import operators
import torch
from forms import OURS, THEIRS, differences
from tables import Cause, Row, run

SAMPLES = 2                                                   # of other kinds of arguments, for one operator, type and filling
INF, NAN = float("inf"), float("nan")
FILLINGS = {"zeros": [0.0], "ones": [1.0], "kinks": [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 0.5, 3.0, 1.0, 0.0, -3.0],
            "infinities": [0.0, INF, -INF, NAN, 1.0, -1.0, -0.0, 2.0, -2.0, INF, 0.5, NAN, 0.0, 1e30, -1e30, 1e-30, -INF]}
UNDEFINED = re.compile(
    r"linalg\.(?!norm|vector_norm|cross|vecdot|diagonal|tensor(?!inv))|.*(svd|eig|cholesky|lowrank|matrix_exp)|lu|geqrf|ormqr|orgqr|lobpcg|triangular_solve|logdet|qr"
    r"|pinverse|fft\.|stft|istft"                              # algorithms of LAPACK and Fourier transforms: nan spreads as it happens to
    r"|(new_)?empty|rand|normal|multinomial|bernoulli|.*(dropout|rrelu)|torch\."
    r"|sort$|argsort|msort|topk|kthvalue|mode$|median|nanmedian|nn.functional.fractional")   # which of equal elements is found, and how nan are ordered


def filled(x: Any, values: Sequence[float], turn: Iterator[int]) -> Any:
    """Arguments of the same kinds and shapes with these values in floating-point and complex tensors, in another order in each."""
    if isinstance(x, torch.Tensor):
        if not (x.is_floating_point() or x.is_complex()) or x.layout is not torch.strided:
            return x
        k = next(turn)
        at = (np.arange(x.numel()) * (2 * k + 1) + 5 * k) % len(values)
        made = np.array(values)[at].reshape(tuple(x.shape))
        if x.is_complex():
            made = made + 1j * np.array(values)[(at * 3 + 1) % len(values)].reshape(tuple(x.shape))
        return torch.tensor(made, dtype=x.dtype).requires_grad_(x.requires_grad)
    if type(x) in (list, tuple):
        return type(x)(filled(item, values, turn) for item in x)
    return {k: filled(v, values, turn) for k, v in x.items()} if type(x) is dict else x


def samples_of(name: str, dtype: torch.dtype) -> list:
    """The first samples that have other kinds of arguments."""
    kinds: dict[tuple, Any] = {}
    for sample in operators.samples_of(operators.OPERATORS[name], dtype, None):
        kinds.setdefault((tuple(sorted(sample.kwargs)), len(sample.args), min(sample.input.ndim if isinstance(sample.input, torch.Tensor) else 0, 2)), sample)
    return list(kinds.values())[:SAMPLES]


def check(name: str, dtype: str) -> Row:
    """How many samples an operator has for a type, and what differs."""
    row, info = Row(name), operators.OPERATORS[name]
    samples = samples_of(name, getattr(torch, dtype))
    for filling, values in FILLINGS.items():
        for sample in samples if dtype == "float64" or filling != "infinities" else ():    # of infinite complex numbers each library has its own idea
            given = copy.copy(sample)
            given.input, given.args, given.kwargs = filled((sample.input, sample.args, sample.kwargs), values, iter(range(100)))
            answers = []
            for side in (OURS, THEIRS):
                own = side.translation()
                parts, process = own((given.input, given.args, given.kwargs)), own(given.output_process_fn_grad)
                answers.append(side.attempt(lambda side=side, own=own, parts=parts, process=process: side.differentiated(own(info.op), parts, process)))
            row.samples += 1
            for aspect, texts in differences(*answers, operators.precise(info, given)).items():
                if aspect != "strides":
                    row.wrong[aspect] += [f"{dtype}, {filling}: {operators.shown(given)}: {text}" for text in texts]
    return row


def jobs() -> list[tuple[str, str]]:
    return [(name, dtype) for name, info in operators.OPERATORS.items() if not UNDEFINED.match(name)
            for dtype in ("float64", "complex128") if getattr(torch, dtype) in info.supported_dtypes("cpu")]


SPREAD = "a sum of products in which weights are zero: zero times infinity is no number, and XLA sums over other elements than PyTorch"
OWN = "which parts are infinite and which are no number, where a complex number is divided by zero or zero raised to it, is each library's own"
CAUSES = [
    Cause("^chalf$", "", "", "XLA has no complex numbers of half precision"),
    Cause("^as_strided_scatter$", "gradient", "", "PyTorch's gradient of the input is that of the elements that were overwritten, and 0 for the others"),
    Cause("linear_cross_entropy chunked", "second gradient", "only jtorch", "PyTorch computes the gradients beforehand, as constants"),
    Cause("^(atanh|sqrt|div no_rounding_mode|true_divide|addcdiv|__rdiv__|pow|float_power|__rpow__)$", "", "complex128", OWN),
    Cause("^(sgn|renorm)$", "second gradient", "", "PyTorch's formula is 0 / 0 at zero, where jtorch's first derivative is constant"),
    Cause("interpolate|upsample|adaptive_avg_pool|conv_transpose", "", "infinities", SPREAD),
    Cause("scaled_dot_product_attention|grid_sample", "gradient|value", "infinities", SPREAD),
    Cause("hardswish", "gradient", "infinities", "PyTorch's vector code and its code for the last few elements differ there"),
    Cause("mish|sinc", "second gradient", "infinities", "at numbers of 1e30 PyTorch's formula overflows or cancels"),
    Cause("log_ndtr|erfcx", "gradient", "infinities", "at numbers of 1e30 the difference of two squares is their rounding"),
    Cause("logcumsumexp", "gradient", "infinities", "beside numbers of 1e30 logarithms are lost, and beside infinities PyTorch leaves terms out"),
    Cause("prod", "gradient", "infinities", "PyTorch divides products by infinite elements"),
    Cause("ctc_loss", "gradient", "infinities", "log-probabilities that are infinite or no number: the two recursions go different ways"),
    Cause("bucketize", "value", "infinities", "boundaries among which are infinities and nan lie in no order, and each search goes its own way"),
    Cause("norm nuc", "gradient", "", "of equal singular values the derivative is that of the vectors which LAPACK happens to find"),
    Cause("norm nuc", "value", "infinities", "LAPACK fails on some matrices with infinite numbers, and finds nan for others"),
]

if __name__ == "__main__":
    run(__doc__, Path(__file__).with_suffix(".md"), check, jobs(), CAUSES)
