"""`torch.distributions` against PyTorch: samples after a seed, densities, moments, text, gradients, divergences, errors."""
from __future__ import annotations

import numpy as np
import pytest
import torch as pytorch

import jtorch

F, V, M = 0.7, [0.5, 1.5, 2.5], [[2.0, 0.5], [0.5, 1.0]]
L, L2, LR = [[2.0, 0.0], [0.5, 1.0]], [[1.0, 0.2], [0.2, 3.0]], [[0.5, -1.0], [0.0, 2.0]]
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
    ("ContinuousBernoulli", ([0.2, 0.5, 0.5005, 0.9],)), ("ContinuousBernoulli", (), {"logits": V}), ("FisherSnedecor", (V, [3.0, 6.0, 1.0])), ("FisherSnedecor", ([1.0, 3.0], 5.0)),
    ("GeneralizedPareto", (V, 2.0, [-0.5, 0.0, 0.3])), ("GeneralizedPareto", (0.0, 1.0, [0.6, 1.5])), ("InverseGamma", (V, 2.0)), ("InverseGamma", (3.0, V)),
    ("Kumaraswamy", (V, 2.0)), ("Kumaraswamy", (2.0, 3.0)), ("LKJCholesky", (3,)), ("LKJCholesky", (4, V)), ("LogisticNormal", (V, 2.0)), ("LogisticNormal", (0.0, 1.0)),
    ("LogisticNormal", (LOGITS, 1.0)), ("LowRankMultivariateNormal", (V, [[1.0], [0.5], [-1.0]], V)), ("LowRankMultivariateNormal", ([V, V], [[1.0, 0.2], [0.5, 1.0], [-1.0, 0.0]], V)),
    ("NegativeBinomial", (3, [0.2, 0.5])), ("NegativeBinomial", ([0.0, 2.5, 4.0], F)), ("NegativeBinomial", (3,), {"logits": [0.2, -1.0]}), ("VonMises", (V, 2.0)),
    ("VonMises", (0.0, [1e-7, 0.1, 3.0, 50.0])), ("Wishart", (4.0, M)), ("Wishart", ([4.0, 5.5], M)), ("Wishart", (3.5,), {"precision_matrix": M}), ("Wishart", (3.5,), {"scale_tril": L}),
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
    assert repr(ours.expand(larger)) == repr(theirs.expand(larger))
    same(outcome(lambda: ours.expand(larger).log_prob(value[0][:2])), outcome(lambda: theirs.expand(larger).log_prob(value[1][:2])))


@pytest.mark.parametrize("name, parameters", [("Normal", (V, V)), ("Gamma", (V, V)), ("Beta", (V, V)), ("Dirichlet", (V,)), ("Laplace", (V, V)), ("LogNormal", (V, V)),
                                              ("Exponential", (V,)), ("Gumbel", (V, V)), ("StudentT", (V, V, V)), ("MultivariateNormal", ([0.5, -1.0], M)),
                                              ("ContinuousBernoulli", ([0.2, 0.5, 0.9],)), ("FisherSnedecor", (V, V)), ("GeneralizedPareto", (V, V, [-0.5, 0.0, 0.5])),
                                              ("InverseGamma", (V, V)), ("Kumaraswamy", (V, V)), ("LogisticNormal", (V, V)), ("Wishart", ([4.0], M)),
                                              ("LowRankMultivariateNormal", (V, [[1.0], [0.5], [-1.0]], V)), ("NegativeBinomial", (V, [0.2, 0.5, 0.7])),
                                              ("VonMises", (V, V)), ("LKJCholesky", (3, V))])
def test_gradients(name, parameters) -> None:
    found = []
    for t in (jtorch, pytorch):
        t.manual_seed(5)
        values = given(t, parameters)
        leaves = [p.requires_grad_() for p in values if isinstance(p, t.Tensor)]
        distribution = getattr(t.distributions, name)(*values)
        draw = distribution._bartlett_sampling if name == "Wishart" else distribution.rsample if distribution.has_rsample else distribution.sample
        drawn = draw((3,))                                                      # PyTorch has no gradient of Wishart samples: it writes in place to what it needs
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
      ("Bernoulli", (F,), "Poisson", (2.0,)), ("Poisson", (V,), "Bernoulli", (F,)), ("Bernoulli", (F,), "Normal", (0.0, 1.0)), ("Bernoulli", (F,), "Gamma", (2.0, 1.0)),
      ("Wishart", (4.0, M), "Wishart", (5.0, L2)), ("Wishart", ([4.0], M), "Wishart", (5.0, L2)), ("VonMises", (V, 1.0), "VonMises", (0.0, 2.0)),
      ("LogisticNormal", (V, 1.0), "LogisticNormal", (0.5, V)), ("InverseGamma", (V, 1.0), "InverseGamma", (2.0, 3.0)), ("Kumaraswamy", (V, 1.0), "Kumaraswamy", (2.0, 3.0)),
      ("NegativeBinomial", (3, [F]), "NegativeBinomial", (3, [0.2])), ("Chi2", (V,), "Chi2", (2.0,)), ("Pareto", (V, 1.0), "LogNormal", (0.0, 1.0)),
      ("MultivariateNormal", ([0.5, -1.0], M), "LowRankMultivariateNormal", ([0.0, 0.0], [[1.0], [0.5]], [1.0, 2.0])),
      ("LowRankMultivariateNormal", ([0.0, 0.0], [[1.0], [0.5]], [1.0, 2.0]), "MultivariateNormal", (LR, M)),
      ("LowRankMultivariateNormal", ([0.0, 0.0], [[1.0], [0.5]], [1.0, 2.0]), "LowRankMultivariateNormal", (LR, [[0.3, 1.0], [0.5, 0.0]], [0.5, 2.0]))]
FAMILIES = {"Beta": ([0.5, 1.5, 2.5], 2.0), "ContinuousBernoulli": ([0.2, 0.5, 0.9],), "Exponential": (V,), "Gamma": (V, 2.0), "Gumbel": (V, 2.0), "Laplace": (V, 2.0),
            "Normal": (V, 2.0), "Pareto": (V, [0.7, 1.5, 2.5]), "Uniform": ([-0.5, 0.0, 0.2], [0.4, 1.0, 0.7])}
AGAINST = {"Beta": (1.5, 2.0), "ContinuousBernoulli": (0.3,), "Exponential": (1.5,), "Gamma": (1.5, 2.0), "Gumbel": (0.3, 1.5), "Laplace": (0.3, 1.5), "Normal": (0.3, 1.5),
           "Pareto": (0.1, 1.5), "Uniform": ([-0.1, 0.0, -1.0], [1.1, 1.0, 3.0])}
KL += [(p, FAMILIES[p], q, AGAINST[q]) for p in FAMILIES for q in AGAINST]


@pytest.mark.parametrize("row", KL, ids=[f"{a}-{b}" for a, _, b, _ in KL])
def test_kl(row) -> None:
    ours, theirs = [outcome(lambda: t.distributions.kl_divergence(build(t, *row[:2]), build(t, *row[2:]))) for t in (jtorch, pytorch)]
    same(ours, theirs)


ERRORS = ["d.Normal(0.0, -1.0)", "d.Bernoulli(2.0)", "d.Bernoulli()", "d.Bernoulli(0.5).log_prob(t.tensor(0.5))", "d.Bernoulli(0.5).log_prob(1.0)",
          "d.Categorical(t.tensor(0.5))", "d.Categorical(t.tensor([0.5, 0.5])).log_prob(t.tensor(3))", "d.Uniform(1.0, 0.0)", "d.Uniform(0.0, 1.0).log_prob(t.tensor(2.0))",
          "d.Normal(t.zeros(2), t.ones(2)).log_prob(t.zeros(3))", "d.MultivariateNormal(t.zeros(2))", "d.MultivariateNormal(t.zeros(2), -t.eye(2))",
          "d.Independent(d.Normal(t.zeros(2), t.ones(2)), 2)", "d.Geometric(0.0)", "d.Multinomial(t.tensor(3), t.ones(3))", "d.TransformedDistribution(d.Normal(0.0, 1.0), 3)",
          "d.Dirichlet(t.tensor(1.0))", "d.Dirichlet(t.ones(3)).log_prob(t.ones(3))", "d.ReshapeTransform((2, 3), (5,))", "d.Normal(0.0, 1.0).enumerate_support()",
          "d.ContinuousBernoulli()", "d.ContinuousBernoulli(2.0, validate_args=True)", "d.ContinuousBernoulli(0.3).log_prob(t.tensor(2.0))", "d.FisherSnedecor(-1.0, 1.0)",
          "d.FisherSnedecor(1.0, 1.0).log_prob(t.tensor(-1.0))", "d.GeneralizedPareto(0.0, -1.0, 1.0)", "d.GeneralizedPareto(0.0, 1.0, 0.5).cdf(t.tensor(-1.0))",
          "d.GeneralizedPareto(0.0, 1.0, -0.5).log_prob(t.tensor(3.0))", "d.InverseGamma(1.0, -1.0)", "d.InverseGamma(1.0, 1.0).icdf(t.tensor(0.5))", "d.Kumaraswamy(-1.0, 1.0)",
          "d.Kumaraswamy(1.0, 2.0).log_prob(t.tensor(2.0))", "d.LKJCholesky(1)", "d.LKJCholesky(3, -1.0)", "d.LKJCholesky(3).log_prob(t.zeros(3, 3))", "d.LKJCholesky(3).rsample()",
          "d.LKJCholesky(3).log_prob(t.zeros(2, 2))", "d.LogisticNormal(t.tensor([0.0]), t.tensor([-1.0]))", "d.LogisticNormal(t.zeros(2), 1.0).log_prob(t.full((3,), 0.3))",
          "d.LowRankMultivariateNormal(t.tensor(1.0), t.ones(1, 1), t.ones(1))", "d.LowRankMultivariateNormal(t.ones(2), t.ones(2), t.ones(2))",
          "d.LowRankMultivariateNormal(t.ones(2), t.ones(3, 1), t.ones(2))", "d.LowRankMultivariateNormal(t.ones(2), t.ones(2, 1), t.ones(3))",
          "d.LowRankMultivariateNormal(t.ones(2), t.ones(4, 2, 1), t.ones(3, 2))", "d.LowRankMultivariateNormal(t.ones(2), t.zeros(2, 1), -t.ones(2))", "d.NegativeBinomial(3.0)",
          "d.NegativeBinomial(3.0, 1.0)", "d.NegativeBinomial(-3.0, t.tensor(0.5))", "d.NegativeBinomial(3, t.tensor(0.5)).log_prob(t.tensor(0.5))", "d.VonMises(0.0, -1.0)",
          "d.VonMises(0.0, 1.0).entropy()", "d.VonMises(0.0, 1.0).log_prob(t.tensor(float('nan')))", "d.Wishart(t.tensor(1.0), t.eye(2))", "d.Wishart(t.tensor(3.0), t.ones(2))",
          "d.Wishart(t.tensor(3.0), -t.eye(2))", "d.Wishart(t.tensor(3.0), t.ones(2, 3))", "d.Wishart(t.tensor(3.0), t.eye(2)).log_prob(t.ones(2, 2))", "d.Wishart(t.tensor(3.0))",
          "d.Kumaraswamy(1.0, 2.0).expand((2,)).log_prob(t.tensor(2.0))", "d.biject_to(d.constraints.lower_cholesky)", "d.transform_to(3)", "d.biject_to.register('a', len)",
          "d.biject_to.register(int, len)", "d.CatTransform([3])", "d.StackTransform([3])", "d.CatTransform([d.ExpTransform()] * 2, 0, [1])", "d.SoftmaxTransform().forward_shape(())",
          "d.CatTransform([d.ExpTransform()] * 2)(t.ones(3))", "d.StackTransform([d.ExpTransform()] * 2).inv(t.ones(3))", "d.StackTransform([d.ExpTransform()], 2)(t.ones(1))",
          "d.constraints.cat([3])", "d.constraints.independent(3, 1)", "d.constraints.independent(d.constraints.real, -1)", "d.constraints.independent(d.constraints.real, 1.5)",
          "d.constraints.stack([d.constraints.real], 3).check(t.ones(2))", "d.constraints.cat([d.constraints.real], 0, [1, 2])", "d.constraints.MixtureSameFamilyConstraint(3)",
          "d.LogNormal(0.0, 1.0).cdf(t.tensor(-1.0))", "d.CorrCholeskyTransform().inverse_shape((3,))", "d.MixtureSameFamily(d.Categorical(t.ones(2)), 3)", "d.kl_divergence(d.LogNormal(0.0, 1.0), d.Normal(0.0, 1.0))"]


@pytest.mark.parametrize("code", ERRORS)
def test_error(code) -> None:
    found = []
    pytorch.distributions.Distribution.set_default_validate_args(True)   # PyTorch's compiler, which other tests import, turns it off
    for t in (jtorch, pytorch):
        with pytest.raises((ValueError, NotImplementedError, TypeError, AssertionError)) as caught:
            eval(code, {"t": t, "d": t.distributions})
        found.append((caught.type, str(caught.value)))
    assert found[0] == found[1]


TRANSFORMS = ["ExpTransform()", "SigmoidTransform()", "TanhTransform()", "SoftplusTransform()", "AffineTransform(1.0, -2.0)", "StickBreakingTransform()",
              "CorrCholeskyTransform()", "ComposeTransform([d.TanhTransform(), d.AffineTransform(0.0, 3.0)])", "IndependentTransform(d.ExpTransform(), 1)",
              "PowerTransform(2.0)", "SigmoidTransform().inv", "StackTransform([d.ExpTransform(), d.TanhTransform()])", "CatTransform([d.ExpTransform()] * 2)",
              "CatTransform([d.IndependentTransform(d.ExpTransform(), 1), d.TanhTransform()], -1, [2, 1])", "CatTransform([d.ExpTransform(), d.TanhTransform()], -1, [2, 1]).with_cache()",
              "StackTransform([d.IndependentTransform(d.ExpTransform(), 1)] * 2)"]


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


REGIONS = ["real", "positive", "nonnegative", "greater_than(2.0)", "less_than(-1.0)", "unit_interval", "interval(-1.0, 3.0)", "half_open_interval(0.0, 2.0)", "simplex", "real_vector",
           "independent(c.positive, 1)", "cat([c.positive, c.real], -1, [1, 2])", "stack([c.positive, c.unit_interval, c.real], -1)", "corr_cholesky", "lower_cholesky",
           "positive_definite", "positive_semidefinite", "interval(t.zeros(3), t.ones(3))", "boolean"]


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("code", REGIONS)
def test_registry(code, registry) -> None:
    def outcomes(t):
        region = eval("c." + code, {"c": t.distributions.constraints, "t": t})
        try:
            transform = getattr(t.distributions, registry)(region)
        except NotImplementedError as error:
            return [str(error)]
        x = t.tensor([[0.2, 0.5, -0.9], [0.1, 0.3, 0.6], [1.0, 0.0, 0.2]])
        y = transform(x)
        assert bool(region.check(y).all())
        return [repr(transform), y.numpy(), transform.inv(y).numpy()]
    ours, theirs = outcomes(jtorch), outcomes(pytorch)
    assert ours[0] == theirs[0]
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)


def test_registry_of_the_user() -> None:
    registry = jtorch.distributions.constraint_registry.ConstraintRegistry()
    registry.register(jtorch.distributions.constraints.simplex)(lambda region: jtorch.distributions.SoftmaxTransform())
    assert isinstance(registry(jtorch.distributions.constraints.simplex), jtorch.distributions.SoftmaxTransform)


def test_ambiguous_kl() -> None:
    d = jtorch.distributions
    left, right = type("Left", (d.Normal,), {}), type("Right", (d.Normal,), {})
    d.register_kl(left, d.Normal)(lambda p, q: "by the first")
    d.register_kl(d.Normal, right)(lambda p, q: "by the second")
    with pytest.warns(RuntimeWarning, match=r"Ambiguous kl_divergence\(Left, Right\). Please register_kl\(Left, Right\)"):
        assert d.kl_divergence(left(0.0, 1.0), right(0.0, 1.0)) == "by the first"


def test_names() -> None:
    theirs, ours = pytorch.distributions, jtorch.distributions
    for module in ("constraints", "transforms", "constraint_registry", "kl"):
        assert set(getattr(theirs, module).__all__) <= set(dir(getattr(ours, module)))
    assert set(theirs.__all__) <= set(dir(ours))
    known = {(p.__name__, q.__name__) for p, q in ours.kl._KL_REGISTRY}
    assert {(p.__name__, q.__name__) for p, q in theirs.kl._KL_REGISTRY} <= known
