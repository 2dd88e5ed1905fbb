"""What forked processes compute with NumPy (jtorch/_core/host.py): common operators, here in a process that only believes to be forked."""
from __future__ import annotations

import numpy as np
import pytest
import test_ops
import torch

import jtorch
from jtorch._core import run

COMMON = """abs add addcmul addmm all allclose amax amin any arange argmax argmin argsort atan2 baddbmm bincount bitwise_and bmm bucketize cat ceil chunk clamp
    clone complex conv1d conv2d cos cross cummax cumprod cumsum det diag diff div einsum eq erf exp expand fft.fft flip floor floor_divide fmod gather ge
    histc index_add index_copy index_fill index_put index_select inverse isfinite isnan kthvalue lerp linspace log log2 logcumsumexp logical_and logsumexp
    masked_fill masked_select matmul max maximum mean median min minimum mm mode movedim mul nan_to_num narrow neg nonzero norm outer permute pow prod
    quantile reciprocal relu remainder repeat_interleave reshape roll round rsqrt scatter scatter_add scatter_reduce searchsorted sigmoid sign sin
    linalg.solve linalg.svd linalg.qr linalg.eigh linalg.cholesky sort split sqrt squeeze stack std sub sum take take_along_dim tanh tensordot tile topk
    transpose tril triu unbind unfold unique unsqueeze var where""".split()
CALLS = [call for call in test_ops.cases_ops.CALLS if call.name in COMMON]


@pytest.fixture
def forked(monkeypatch):
    jtorch.zeros(()).item()
    run.flush(run.here.trace, "test")
    monkeypatch.setattr(run.Fork, "child", True)
    monkeypatch.setattr(run, "compile", None)                # whoever asks XLA for a program fails


@pytest.mark.parametrize("name", COMMON)
def test_operator(name, forked):
    """All calls of the tables; without gradients, of which other tests have enough."""
    for call in [c for c in CALLS if c.name == name]:
        theirs, ours = [framework.attempt(lambda framework=framework: called(framework, call)) for framework in (test_ops.THEIRS, test_ops.OURS)]
        wrong = test_ops.differences(call, ours, theirs, test_ops.tolerance_of(call, theirs))
        assert not wrong, f"{test_ops.described(call)}: {wrong}"


def called(framework, call):
    args, kwargs = framework.arguments(call)
    results = framework.flat(framework.function(call.name)(*args, **kwargs))
    return test_ops.Form([r.detach().clone() for r in results], [])


def test_gradient_of_products(forked):
    """For which JAX reshapes an array in another order of its dimensions."""
    def slopes(lib):
        x = lib.arange(1.0, 13).view(4, 3).requires_grad_()
        parts = lib.segment_reduce(x, "prod", lengths=lib.tensor([1, 3]))
        return [lib.autograd.grad(y.sum(), x)[0].tolist() for y in (x.prod(1), x.prod(0), parts)]

    assert slopes(jtorch) == slopes(torch)


def test_most_names_have_calls():
    assert len(set(COMMON) & {call.name for call in CALLS}) > 100


def test_training_step(forked):
    """A whole step: convolution, normalization, pooling, loss, backward, update."""
    def trained(lib):
        lib.manual_seed(0)
        model = lib.nn.Sequential(lib.nn.Conv2d(2, 4, 3, stride=2, padding=1), lib.nn.BatchNorm2d(4), lib.nn.ReLU(), lib.nn.MaxPool2d(2), lib.nn.Flatten(),
                                  lib.nn.Linear(16, 3))
        optimizer = lib.optim.Adam(model.parameters(), 0.01)
        x, y = lib.randn(5, 2, 8, 8), lib.tensor([0, 1, 2, 0, 1])
        losses = []
        for _ in range(3):
            loss = lib.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses
    np.testing.assert_allclose(trained(jtorch), trained(torch), rtol=1e-4)


def test_conversions_out_of_range(forked):
    """As XLA converts them: to the nearest number that there is."""
    x = jtorch.tensor([np.nan, np.inf, -np.inf, 3e9, -3e9, 2.7, -2.7])
    assert (x + 0).to(jtorch.int32).tolist() == [0, 2**31 - 1, -2**31, 2**31 - 1, -2**31, 2, -2]
