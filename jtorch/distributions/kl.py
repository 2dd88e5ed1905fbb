"""Kullback-Leibler divergences ∫ p log(p / q) in closed form."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import jtorch as torch
from jtorch import Tensor

from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .distribution import Distribution
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .independent import Independent
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import euler_constant, sum_rightmost

_KL_REGISTRY: dict[tuple[type, type], Callable[..., Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Callable], Callable]:
    """A decorator: the function gives the divergence between distributions of these classes."""
    for kind in (type_p, type_q):
        if not isinstance(kind, type):                       # of any other base: libraries have their own
            raise TypeError(f"Expected type_{'p' if kind is type_p else 'q'} to be a Distribution subclass but got {kind}")

    def decorator(function: Callable) -> Callable:
        _KL_REGISTRY[type_p, type_q] = function
        _rule.cache_clear()
        return function
    return decorator


def _distance(pair: tuple[type, type], p: type, q: type) -> tuple[int, int]:
    """How far above p and q the classes of a pair are."""
    return _above(pair[0], p), _above(pair[1], q)


def _above(base: type, kind: type) -> int:
    """How far; beyond all of them where it is a base by declaration only."""
    return kind.__mro__.index(base) if base in kind.__mro__ else len(kind.__mro__)


@cache
def _rule(p: type, q: type) -> Callable[..., Tensor]:
    """The function of the nearest pair of classes: first for p, then for q."""
    fitting = [pair for pair in _KL_REGISTRY if issubclass(p, pair[0]) and issubclass(q, pair[1])]
    if not fitting:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {p.__name__} and q type {q.__name__}")
    chosen, other = min(fitting, key=lambda pair: _distance(pair, p, q)), min(fitting, key=lambda pair: _distance(pair, p, q)[::-1])
    if _KL_REGISTRY[chosen] is not _KL_REGISTRY[other]:
        warnings.warn(f"Ambiguous kl_divergence({p.__name__}, {q.__name__}). Please register_kl({chosen[0].__name__}, {other[1].__name__})",
                      RuntimeWarning, stacklevel=3)
    return _KL_REGISTRY[chosen]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p ‖ q).    -> (batch)

    >>> torch.distributions.kl_divergence(torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(1.0, 1.0))
    tensor(0.5000)
    """
    return _rule(type(p), type(q))(p, q)


def _x_log_ratio(t: Tensor, u: Tensor) -> Tensor:
    """t log(t / u), 0 at t = 0 and infinite at u = 0."""
    return torch.where(t == 0, 0.0, torch.where(u == 0, math.inf, torch.where(t == 0, 1.0, t) * (t.log() - u.log())))


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    return _x_log_ratio(p.probs, q.probs) + _x_log_ratio(1 - p.probs, 1 - q.probs)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return torch.where(p.total_count > q.total_count, math.inf, kl)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    return torch.where(p.probs == 0, 0.0, torch.where(q.probs == 0, math.inf, terms)).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    return total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1) + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    return b * (p.rate / q.rate).log() + torch.lgamma(b) - torch.lgamma(a) + (a - b) * torch.digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    off, ratio = (p.loc - q.loc).abs(), p.scale / q.scale
    return -ratio.log() + off / q.scale + ratio * torch.exp(-off / p.scale) - 1


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


def _among_normals(p: Any, q: Any, trace: Callable[[], Tensor], names: str) -> Tensor:
    """½ (tr Σq⁻¹ Σp + (μp - μq)ᵀ Σq⁻¹ (μp - μq) + log det Σq / det Σp - n)."""
    if p.event_shape != q.event_shape:
        raise ValueError(f"KL-divergence between two {names} with different event shapes cannot be computed")
    return 0.5 * (trace() + q.mahalanobis(p.loc - q.loc) + q.log_det() - p.log_det() - p.event_shape[0])


def _solved(tril: Tensor, matrix: Tensor) -> Tensor:
    """Σ (L⁻¹ M)²: the trace of (L Lᵀ)⁻¹ M Mᵀ."""
    batch = torch.broadcast_shapes(tril.shape[:-2], matrix.shape[:-2])
    return torch.linalg.solve_triangular(tril.expand(batch + (-1, -1)), matrix.expand(batch + (-1, -1)), upper=False).pow(2).sum((-2, -1))


def _solved_low_rank(q: LowRankMultivariateNormal, matrix: Tensor) -> Tensor:
    """The trace of Σq⁻¹ M Mᵀ."""
    return (matrix.pow(2) / q.cov_diag.unsqueeze(-1)).sum((-2, -1)) - torch.matmul(q.whitened_factor(), matrix).pow(2).sum((-2, -1))


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Tensor:
    return _among_normals(p, q, lambda: _solved(q.scale_tril, p.scale_tril), "Multivariate Normals")


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank_full(p: Any, q: Any) -> Tensor:
    def trace() -> Tensor:
        return _solved(q.scale_tril, p.cov_factor) + _solved(q.scale_tril, p.cov_diag.sqrt().diag_embed())
    return _among_normals(p, q, trace, "(Low Rank) Multivariate Normals")


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _full_low_rank(p: Any, q: Any) -> Tensor:
    return _among_normals(p, q, lambda: _solved_low_rank(q, p.scale_tril), "(Low Rank) Multivariate Normals")


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p: Any, q: Any) -> Tensor:
    def trace() -> Tensor:
        own = (p.cov_diag / q.cov_diag).sum(-1) - (q.whitened_factor().pow(2) * p.cov_diag.unsqueeze(-2)).sum((-2, -1))
        return own + _solved_low_rank(q, p.cov_factor)
    return _among_normals(p, q, trace, "Low Rank Multivariate Normals")


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    kl = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return torch.where(p.scale < q.scale, math.inf, kl)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    kl = ((q.high - q.low) / (p.high - p.low)).log()
    return torch.where((q.low > p.low) | (q.high < p.high), math.inf, kl)


@register_kl(Uniform, Normal)
def _uniform_normal(p: Any, q: Any) -> Tensor:
    width = p.high - p.low
    return (math.sqrt(2 * math.pi) * q.scale / width).log() + width.pow(2) / 24 / q.scale.pow(2) + ((p.high + p.low - 2 * q.loc) / 2 / q.scale).pow(2) / 2


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Tensor:
    off = (p.loc - q.loc) / p.scale
    distance = p.scale * (math.sqrt(2 / math.pi) * torch.exp(-0.5 * off.pow(2)) + off * torch.erf(off / math.sqrt(2)))
    return (2 * q.scale / p.scale).log() - 0.5 * math.log(2 * math.pi) - 0.5 + distance / q.scale


@register_kl(Exponential, Gamma)
@register_kl(Gamma, Exponential)
def _among_gammas(p: Any, q: Any) -> Tensor:
    one_p, one_q = isinstance(p, Exponential), isinstance(q, Exponential)
    return _gamma(Gamma(torch.ones_like(p.rate), p.rate) if one_p else p, Gamma(torch.ones_like(q.rate), q.rate) if one_q else q)


def _mean_log(low: Tensor, high: Tensor) -> Tensor:
    """E[log x] for x uniform in [low, high]."""
    return (torch.xlogy(high, high) - torch.xlogy(low, low)) / (high - low) - 1


# Below, -p.entropy() less E[log q(x)], which for many families needs only a few moments of p.

@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
def _against_normal(p: Any, q: Any) -> Tensor:
    return -p.entropy() + 0.5 * math.log(2 * math.pi) + q.scale.log() + 0.5 * (p.variance + (p.mean - q.loc).pow(2)) / q.scale.pow(2)


def _with_moment(p: Pareto, n: int) -> Pareto:
    """p, with another alpha where its n-th moment is infinite, so that gradients are 0 there."""
    return Pareto(p.scale, torch.where(p.alpha > n, p.alpha, n + 1.0), validate_args=False)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Tensor:
    return torch.where(p.alpha > 2, _against_normal(_with_moment(p, 2), q), math.inf)


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
def _against_exponential(p: Any, q: Any) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Tensor:
    return torch.where(p.alpha > 1, _against_exponential(_with_moment(p, 1), q), math.inf)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Tensor:
    return torch.where(p.low < 0, math.inf, _against_exponential(p, q))


def _against_gamma(p: Any, q: Any, mean_log: Tensor) -> Tensor:
    return -p.entropy() + q.concentration.lgamma() - q.concentration * q.rate.log() - (q.concentration - 1) * mean_log + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Tensor:
    return _against_gamma(p, q, p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma())


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Tensor:
    kl = _against_gamma(_with_moment(p, 1), q, p.scale.log() + p.alpha.reciprocal())
    return torch.where(p.alpha > 1, kl, math.inf)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Tensor:
    return torch.where(p.low < 0, math.inf, _against_gamma(p, q, _mean_log(p.low, p.high)))


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Tensor:
    a, b = q.concentration1, q.concentration0
    cross = (a - 1) * _mean_log(p.low, p.high) + (b - 1) * _mean_log(1 - p.high, 1 - p.low)
    return torch.where((p.low < 0) | (p.high > 1), math.inf, -p.entropy() + a.lgamma() + b.lgamma() - (a + b).lgamma() - cross)


@register_kl(Beta, ContinuousBernoulli)
@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _against_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q.log_constant()


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    inside = (p.low > 0) & (p.high < 1)                        # the bounds themselves count as outside, as in PyTorch
    return torch.where(inside, _against_continuous_bernoulli(p, q), math.inf)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Tensor:
    return torch.where((q.low > 0) | (q.high < 1), math.inf, -p.entropy() + (q.high - q.low).log())


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Tensor:
    return torch.where((q.low >= 0) | (q.high <= 1), math.inf, -p.entropy() + (q.high - q.low).log())          # bounds as above


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Tensor:
    kl = -p.entropy() - q.alpha.log() - q.alpha * q.scale.log() + (q.alpha + 1) * _mean_log(p.low, p.high)
    return torch.where(p.low < q.scale, math.inf, kl)


def _against_gumbel(p: Any, q: Any, mean_exp: Tensor) -> Tensor:
    """`mean_exp` is E[exp(-x / scale)]."""
    return -p.entropy() + q.scale.log() + (p.mean - q.loc) / q.scale + (q.loc / q.scale).exp() * mean_exp


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Tensor:
    scaled = p.rate * q.scale
    return _against_gumbel(p, q, scaled / (scaled + 1))


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Tensor:
    return _against_gumbel(p, q, (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration))


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Tensor:
    return _against_gumbel(p, q, torch.exp(0.5 * (p.scale / q.scale).pow(2) - p.loc / q.scale))


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Tensor:
    return _against_gumbel(p, q, q.scale * (torch.exp(-p.low / q.scale) - torch.exp(-p.high / q.scale)) / (p.high - p.low))


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    ratio = p.scale / q.scale
    kl = ratio.reciprocal().log() + euler_constant * (ratio - 1) - 1 + (p.loc - q.loc) / q.scale
    return kl + torch.exp((q.loc - p.loc) / q.scale + (1 + ratio).lgamma())


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Tensor:
    """F(θq) - F(θp) - (θq - θp) · ∇F(θp), for natural parameters θ and log normalizer F (Nielsen & Nock 2010)."""
    if type(p) is not type(q):
        raise NotImplementedError("The cross KL-divergence between different exponential families cannot be computed using Bregman divergences")
    with torch.enable_grad():
        natural = [parameter.detach().requires_grad_() for parameter in p._natural_params]
        normalizer = p._log_normalizer(*natural)
        slopes = torch.autograd.grad(normalizer.sum(), natural, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - normalizer
    for mine, other, slope in zip(natural, q._natural_params, slopes):
        term = (other - mine) * slope
        result = result - sum_rightmost(term, term.dim() - result.dim())
    return result


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _infinite(p: Any, q: Any) -> Tensor:
    """q misses values that p has."""
    return torch.full_like(p.mean, math.inf)


for _p, _missing in {Beta: (Pareto,), ContinuousBernoulli: (Pareto,), Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
                     Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform), Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
                     Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
                     Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform), Pareto: (Beta, ContinuousBernoulli, Uniform),
                     Poisson: (Bernoulli, Binomial)}.items():
    for _q in _missing:
        register_kl(_p, _q)(_infinite)
