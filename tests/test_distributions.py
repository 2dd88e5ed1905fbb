"""`torch.distributions` against PyTorch: samples after a seed, densities, moments, text, gradients, divergences, errors."""
from __future__ import annotations

import numpy as np
import pytest
import torch as pytorch

import jtorch

F, V, M = 0.7, [0.5, 1.5, 2.5], [[2.0, 0.5], [0.5, 1.0]]
LOGITS = [[0.1, -0.3, 0.8], [1.0, 0.0, -1.0]]


def given(t, parameters):
    return [t.tensor(p) if isinstance(p, list) else p for p in parameters]


def build(t, name, parameters, options=()):
    d = t.distributions
    if name == "Independent":
        return d.Independent(d.Normal(t.tensor(V), 1.0), 1)
    if name == "Mixture":
        return d.MixtureSameFamily(d.Categorical(logits=t.tensor(LOGITS[0])), d.Normal(t.tensor(V), t.tensor([1.0, 2.0, 0.5])))
    if name == "Transformed":
        return d.TransformedDistribution(d.Normal(t.tensor(V), 1.0), [d.TanhTransform(), d.AffineTransform(1.0, 2.0)])
    return getattr(d, name)(*given(t, parameters), **{k: t.tensor(v) for k, v in dict(options).items()})


DISTRIBUTIONS = [
    ("Normal", (0.0, 1.0)), ("Normal", (V, [1.0, 0.5, 2.0])), ("Bernoulli", (F,)), ("Bernoulli", (), {"logits": V}), ("Categorical", (), {"logits": LOGITS}),
    ("Categorical", ([0.2, 0.3, 0.5],)), ("Uniform", (0.0, V)), ("MultivariateNormal", ([0.5, -1.0], M)), ("MultivariateNormal", ([0.5, -1.0],), {"precision_matrix": M}),
    ("Independent", ()), ("Exponential", (V,)), ("LogNormal", (0.1, V)), ("Laplace", (V, 2.0)), ("Gamma", (V, 2.0)), ("Beta", (V, 2.0)), ("Dirichlet", (V,)),
    ("Poisson", (V,)), ("Geometric", (F,)), ("Binomial", (3, [0.2, 0.5])), ("Multinomial", (4, [0.2, 0.3, 0.5])), ("OneHotCategorical", (), {"logits": LOGITS}),
    ("RelaxedBernoulli", ([0.5], [0.3, 0.6])), ("RelaxedOneHotCategorical", ([0.5], [0.2, 0.3, 0.5])), ("Gumbel", (V, 2.0)), ("Cauchy", (V, 2.0)),
    ("HalfNormal", (V,)), ("HalfCauchy", (V,)), ("StudentT", (V, 0.1, 2.0)), ("Chi2", (V,)), ("Weibull", (V, 2.0)), ("Pareto", (V, 3.0)), ("Mixture", ()), ("Transformed", ()),
]
TITLES = [f"{i}-{row[0]}" for i, row in enumerate(DISTRIBUTIONS)]


def outcome(call):
    try:
        return call().detach().numpy()
    except (NotImplementedError, AttributeError) as error:
        return type(error)


def same(ours, theirs):
    if isinstance(theirs, type) or isinstance(ours, type):
        assert ours is theirs
    else:
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)          # sums of float32 in another order


@pytest.mark.parametrize("row", DISTRIBUTIONS, ids=TITLES)
def test_distribution(row) -> None:
    ours, theirs = build(jtorch, *row), build(pytorch, *row)
    assert repr(ours) == repr(theirs)
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape) and tuple(ours.event_shape) == tuple(theirs.event_shape)
    assert ours.has_rsample == theirs.has_rsample and repr(ours.support) == repr(theirs.support)
    jtorch.manual_seed(3), pytorch.manual_seed(3)
    mine, drawn = ours.sample((4,)).numpy(), theirs.sample((4,)).numpy()
    same(mine, drawn)
    value = jtorch.tensor(drawn), pytorch.tensor(drawn)
    same(outcome(lambda: ours.log_prob(value[0])), outcome(lambda: theirs.log_prob(value[1])))
    for what in ("entropy", "perplexity"):
        same(outcome(getattr(ours, what)), outcome(getattr(theirs, what)))
    for what in ("mean", "mode", "variance", "stddev"):
        same(outcome(lambda: getattr(ours, what)), outcome(lambda: getattr(theirs, what)))
    same(outcome(lambda: ours.cdf(value[0])), outcome(lambda: theirs.cdf(value[1])))
    same(outcome(lambda: ours.icdf(jtorch.tensor(0.3))), outcome(lambda: theirs.icdf(pytorch.tensor(0.3))))
    same(outcome(ours.enumerate_support), outcome(theirs.enumerate_support))
    larger = (2, *theirs.batch_shape)
    same(outcome(lambda: ours.expand(larger).log_prob(value[0][:2])), outcome(lambda: theirs.expand(larger).log_prob(value[1][:2])))


@pytest.mark.parametrize("name, parameters", [("Normal", (V, V)), ("Gamma", (V, V)), ("Beta", (V, V)), ("Dirichlet", (V,)), ("Laplace", (V, V)), ("LogNormal", (V, V)),
                                              ("Exponential", (V,)), ("Gumbel", (V, V)), ("StudentT", (V, V, V)), ("MultivariateNormal", ([0.5, -1.0], M))])
def test_gradients(name, parameters) -> None:
    found = []
    for t in (jtorch, pytorch):
        t.manual_seed(5)
        leaves = [p.requires_grad_() for p in given(t, parameters)]
        distribution = getattr(t.distributions, name)(*leaves)
        drawn = distribution.rsample((3,))
        (drawn.sin().sum() + distribution.log_prob(drawn.detach()).sum()).backward()
        found.append([leaf.grad.numpy() for leaf in leaves])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)          # PyTorch approximates the derivatives of gamma and beta draws


KL = [("Normal", (0.0, 1.0), "Normal", (V, 2.0)), ("Bernoulli", (F,), "Bernoulli", (0.2,)), ("Categorical", ([0.2, 0.8],), "Categorical", ([0.5, 0.5],)),
      ("Gamma", (V, 1.0), "Gamma", (2.0, 3.0)), ("Beta", (V, 1.0), "Beta", (2.0, 3.0)), ("Dirichlet", (V,), "Dirichlet", ([1.0, 2.0, 3.0],)),
      ("Exponential", (V,), "Exponential", (2.0,)), ("Laplace", (V, 1.0), "Laplace", (0.0, 2.0)), ("Uniform", (0.0, 1.0), "Uniform", (-1.0, V)),
      ("Poisson", (V,), "Poisson", (2.0,)), ("Geometric", (F,), "Geometric", (0.2,)), ("Cauchy", (V, 1.0), "Cauchy", (0.0, 2.0)), ("Pareto", (V, 1.0), "Pareto", (1.0, 2.0)),
      ("MultivariateNormal", ([0.5, -1.0], M), "MultivariateNormal", ([0.0, 0.0], [[1.0, 0.0], [0.0, 3.0]])), ("HalfNormal", (V,), "HalfNormal", (2.0,)),
      ("LogNormal", (0.0, V), "LogNormal", (1.0, 2.0)), ("Independent", (), "Independent", ()), ("Binomial", (3, [0.2, 0.4]), "Binomial", (3, [0.5, 0.5])),
      ("Uniform", (0.0, V), "Normal", (0.0, 2.0)), ("Normal", (V, 1.0), "Laplace", (0.0, 2.0)), ("Gamma", (V, 1.0), "Normal", (0.0, 2.0)),
      ("Exponential", (V,), "Gamma", (2.0, 2.0)), ("Gamma", (V, 1.0), "Exponential", (2.0,)), ("Laplace", (V, 1.0), "Normal", (0.0, 2.0)),
      ("Bernoulli", (F,), "Poisson", (2.0,)), ("Poisson", (V,), "Bernoulli", (F,)), ("Bernoulli", (F,), "Normal", (0.0, 1.0))]


@pytest.mark.parametrize("row", KL, ids=[f"{a}-{b}" for a, _, b, _ in KL])
def test_kl(row) -> None:
    ours, theirs = [outcome(lambda: t.distributions.kl_divergence(build(t, *row[:2]), build(t, *row[2:]))) for t in (jtorch, pytorch)]
    same(ours, theirs)


ERRORS = ["d.Normal(0.0, -1.0)", "d.Bernoulli(2.0)", "d.Bernoulli()", "d.Bernoulli(0.5).log_prob(t.tensor(0.5))", "d.Bernoulli(0.5).log_prob(1.0)",
          "d.Categorical(t.tensor(0.5))", "d.Categorical(t.tensor([0.5, 0.5])).log_prob(t.tensor(3))", "d.Uniform(1.0, 0.0)", "d.Uniform(0.0, 1.0).log_prob(t.tensor(2.0))",
          "d.Normal(t.zeros(2), t.ones(2)).log_prob(t.zeros(3))", "d.MultivariateNormal(t.zeros(2))", "d.MultivariateNormal(t.zeros(2), -t.eye(2))",
          "d.Independent(d.Normal(t.zeros(2), t.ones(2)), 2)", "d.Geometric(0.0)", "d.Multinomial(t.tensor(3), t.ones(3))", "d.TransformedDistribution(d.Normal(0.0, 1.0), 3)",
          "d.Dirichlet(t.tensor(1.0))", "d.Dirichlet(t.ones(3)).log_prob(t.ones(3))", "d.ReshapeTransform((2, 3), (5,))", "d.Normal(0.0, 1.0).enumerate_support()"]


@pytest.mark.parametrize("code", ERRORS)
def test_error(code) -> None:
    found = []
    pytorch.distributions.Distribution.set_default_validate_args(True)   # PyTorch's compiler, which other tests import, turns it off
    for t in (jtorch, pytorch):
        with pytest.raises((ValueError, NotImplementedError)) as caught:
            eval(code, {"t": t, "d": t.distributions})
        found.append((caught.type, str(caught.value)))
    assert found[0] == found[1]


TRANSFORMS = ["ExpTransform()", "SigmoidTransform()", "TanhTransform()", "SoftplusTransform()", "AffineTransform(1.0, -2.0)", "StickBreakingTransform()",
              "CorrCholeskyTransform()", "ComposeTransform([d.TanhTransform(), d.AffineTransform(0.0, 3.0)])", "IndependentTransform(d.ExpTransform(), 1)",
              "PowerTransform(2.0)", "SigmoidTransform().inv", "StackTransform([d.ExpTransform(), d.TanhTransform()])", "CatTransform([d.ExpTransform()] * 2)"]


@pytest.mark.parametrize("code", TRANSFORMS)
def test_transform(code) -> None:
    found = []
    for t in (jtorch, pytorch):
        transform = eval("d." + code, {"d": t.distributions})
        x = t.tensor([[0.2, 0.5, 0.9], [0.1, 0.3, 0.6]])
        y = transform(x)
        found.append((repr(transform), y.numpy(), transform.inv(y).numpy(), transform.log_abs_det_jacobian(x, y).numpy()))
    assert found[0][0] == found[1][0]
    for ours, theirs in zip(found[0][1:], found[1][1:]):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
