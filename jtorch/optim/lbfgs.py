"""L-BFGS."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import jtorch as torch

from .._core.tensor import wrap
from .._core.update import constant
from .optimizer import Optimizer, ParamsT, check
from .wolfe import MOST, Point, strong_wolfe

FIRST_CAPACITY = 16                                          # rows; it doubles when full, so that few sizes are compiled
CURVATURE = 1e-10                                            # steps along which the gradient changes less are not remembered


class History:
    """The last steps s and changes of the gradient y, oldest first, in buffers of fixed size that begin with zero rows.

    The two loops over the steps that give a direction (Nocedal 1980) are two triangular systems, since each loop uses its earlier results
    only through the products s·y (Byrd, Nocedal & Schnabel 1994): a few matrix products instead of hundreds of small operations.

    steps, changes  (capacity, n);  products  (capacity, capacity), s_i·y_j for i < j, else 0;  curvatures  (capacity), s_i·y_i
    """

    def __init__(self, like: torch.Tensor, limit: int) -> None:
        self.limit, self.count = limit, 0
        capacity = min(limit, FIRST_CAPACITY)
        self.steps, self.changes = like.new_zeros(capacity, like.numel()), like.new_zeros(capacity, like.numel())
        self.products, self.curvatures = like.new_zeros(capacity, capacity), like.new_zeros(capacity)
        self.scale = like.new_ones(())
        self.alphas: torch.Tensor | None = None

    def add(self, s: torch.Tensor, y: torch.Tensor) -> None:
        """Remember a step and the change of the gradient along it, unless the curvature is not positive; forget the oldest if full."""
        if self.count == len(self.curvatures) < self.limit:
            self._grow()
        self.count += 1
        curvature = torch.dot(y, s)
        good = curvature > CURVATURE
        column = torch.cat([torch.mv(self.steps[1:], y), y.new_zeros(1)]).unsqueeze(1)
        products = torch.cat([torch.nn.functional.pad(self.products[1:, 1:], (0, 0, 0, 1)), column], 1)
        self.products = torch.where(good, products, self.products)
        self.steps = torch.where(good, torch.cat([self.steps[1:], s.unsqueeze(0)]), self.steps)
        self.changes = torch.where(good, torch.cat([self.changes[1:], y.unsqueeze(0)]), self.changes)
        self.curvatures = torch.where(good, torch.cat([self.curvatures[1:], curvature.unsqueeze(0)]), self.curvatures)
        self.scale = torch.where(good, curvature / torch.dot(y, y), self.scale)

    def _grow(self) -> None:
        more = min(len(self.curvatures), self.limit - len(self.curvatures))
        pad = torch.nn.functional.pad
        self.steps, self.changes = pad(self.steps, (0, 0, more, 0)), pad(self.changes, (0, 0, more, 0))
        self.products, self.curvatures = pad(self.products, (more, 0, more, 0)), pad(self.curvatures, (more, 0))

    def direction(self, grad: torch.Tensor) -> torch.Tensor:
        """Minus the gradient times the estimate of the inverse Hessian."""
        rho = torch.where(self.curvatures > 0, 1 / self.curvatures, torch.zeros_like(self.curvatures))
        system = rho.unsqueeze(1) * self.products + torch.eye(len(rho), dtype=grad.dtype, device=grad.device)
        solve = torch.linalg.solve_triangular
        alpha = solve(system, (rho * torch.mv(self.steps, -grad)).unsqueeze(1), upper=True, unitriangular=True).squeeze(1)
        self.alphas = alpha
        scaled = (-grad - torch.mv(self.changes.t(), alpha)) * self.scale
        system = rho.unsqueeze(1) * self.products.t() + torch.eye(len(rho), dtype=grad.dtype, device=grad.device)
        rest = solve(system, (alpha - rho * torch.mv(self.changes, scaled)).unsqueeze(1), upper=False, unitriangular=True).squeeze(1)
        return scaled + torch.mv(self.steps.t(), rest)

    def saved(self) -> dict[str, Any]:
        """The history as a state dict holds it; `al` are the factors of the last direction."""
        used = [k for k, c in enumerate(self.curvatures.tolist()) if c > 0]
        alphas = {} if self.alphas is None else {"al": [self.alphas[k] for k in used] + [None] * (self.limit - len(used))}
        return {**alphas, "old_dirs": [self.changes[k] for k in used], "old_stps": [self.steps[k] for k in used],
                "ro": [1 / self.curvatures[k] for k in used], "H_diag": self.scale}

    @staticmethod
    def loaded(state: dict[str, Any], limit: int) -> History:
        """The history that a state dict holds."""
        made = History(state["prev_flat_grad"], limit)
        for s, y in zip(state.pop("old_stps"), state.pop("old_dirs"), strict=True):
            made.add(s, y)
        made.scale = torch.as_tensor(state.pop("H_diag"), dtype=made.scale.dtype, device=made.scale.device)
        return made


SAVED = "func_evals", "n_iter", "al", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss"


class LBFGS(Optimizer):
    """L-BFGS (Liu & Nocedal 1989): steps along -H g, where H is estimated from the last steps and changes of the gradient.  `step` needs a closure.

    lr                  step size (first trial of the line search)
    max_iter, max_eval  most iterations and evaluations of the closure in one `step` (max_eval None: 1.25 max_iter)
    tolerance_grad      stop where no element of the gradient is larger;  tolerance_change  stop where loss or parameters change less
    history_size        how many steps are remembered
    line_search_fn      None, or "strong_wolfe"

    >>> w = torch.zeros(2, requires_grad=True)
    >>> optimizer = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w - torch.tensor([1.0, 2.0])).square().sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    5.0
    >>> w.detach().round()
    tensor([1., 2.])
    """

    def __init__(self, params: ParamsT, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None, tolerance_grad: float = 1e-7,
                 tolerance_change: float = 1e-9, history_size: int = 100, line_search_fn: str | None = None) -> None:
        check(lr=lr)
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, dict(lr=lr, max_iter=max_iter, max_eval=max_eval, tolerance_grad=tolerance_grad, tolerance_change=tolerance_change,
                                      history_size=history_size, line_search_fn=line_search_fn))
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    @torch.no_grad()
    def step(self, closure: Callable) -> Any:
        """Minimise what `closure` computes (it must also compute the gradients); returns the loss at the beginning."""
        group, state = self.param_groups[0], self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = self._evaluate(closure)
        loss, grad = float(first), self._gather_flat_grad()
        evaluations, iterations = 1, 0
        state["func_evals"] += 1
        done = grad.abs().max().item() <= group["tolerance_grad"]
        while not done and iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            d = self._direction(state, grad, group)
            before, lr = loss, group["lr"]
            lr = scalar(lr.item(), lr) if isinstance(lr, torch.Tensor) else lr
            t, slope, largest = self._measure(grad, d, lr, state["n_iter"] == 1)
            state.update(d=d, t=as_given(t), prev_flat_grad=grad, prev_loss=loss)
            if slope > -group["tolerance_change"]:           # no way down
                break
            spent = 0
            if group["line_search_fn"] is not None:
                loss, grad, t, spent = self._search(closure, Point(0.0, loss, slope, grad), t, d, largest, group["max_eval"] - evaluations)
                state["t"] = as_given(t)
            self._move(self._params, float(t), d)
            if group["line_search_fn"] is None and iterations != group["max_iter"]:
                loss, grad, spent = float(self._evaluate(closure)), self._gather_flat_grad(), 1
            evaluations += spent
            state["func_evals"] += spent
            small = group["tolerance_change"]
            done = (evaluations >= group["max_eval"] or largest * abs(t) <= small or abs(loss - before) < small or iterations == group["max_iter"]
                    or grad.abs().max().item() <= group["tolerance_grad"])
        return first

    def _direction(self, state: dict[str, Any], grad: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        """Where to go, from the history brought up to date."""
        if state["n_iter"] == 1:
            state["history"] = History(grad, group["history_size"])
            return -grad
        if "history" not in state:
            state["history"] = History.loaded(state, group["history_size"])
        history = state["history"]
        history.add(state["d"] * varying(state["t"], grad), grad - state["prev_flat_grad"])
        return history.direction(grad)

    def _measure(self, grad: torch.Tensor, d: torch.Tensor, lr: float, first: bool) -> tuple[float, np.floating, float]:
        """First step length, slope along d, and the largest element of d."""
        size, slope, largest = torch.stack([grad.abs().sum(), torch.dot(grad, d), d.abs().max()]).tolist()
        inverse: Any = 1.0 / scalar(size, grad)
        return min(1.0, inverse) * lr if first else lr, scalar(slope, grad), largest

    def _search(self, closure: Callable, start: Point, t: float, d: torch.Tensor, largest: float,
                left: int) -> tuple[float, torch.Tensor, float, int]:
        """Loss, gradient and length of the step that the line search finds, and how many evaluations it took: one more than were `left` at most."""
        if self.param_groups[0]["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        origin = self._clone_param()

        def evaluate(t: float) -> Point:
            self._move(origin, float(t), d)
            loss, grad = float(self._evaluate(closure)), self._gather_flat_grad()
            return Point(t, loss, scalar(torch.dot(grad, d).item(), grad), grad)

        found, spent = strong_wolfe(evaluate, start, t, largest, min(MOST, left))
        for p, x in zip(self._params, origin, strict=True):
            p.copy_(x)
        return found.loss, found.grad, found.t, spent

    def _evaluate(self, closure: Callable) -> Any:
        with torch.enable_grad():
            return closure()

    def _clone_param(self) -> list[torch.Tensor]:
        return [p.clone() for p in self._params]

    def _gather_flat_grad(self) -> torch.Tensor:
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._params]
        return torch.cat([(torch.view_as_real(g) if g.is_complex() else g.to_dense()).reshape(-1) for g in grads])

    def _move(self, origin: list[torch.Tensor], t: float, d: torch.Tensor) -> None:
        """Set the parameters to `origin` + t d."""
        length, offset = varying(t, d), 0
        for p, x in zip(self._params, origin, strict=True):
            real = torch.view_as_real(x) if x.is_complex() else x
            moved = real + length * d[offset:offset + real.numel()].view(real.shape)
            offset += real.numel()
            p.copy_(torch.view_as_complex(moved) if x.is_complex() else moved)

    def state_dict(self) -> dict[str, Any]:
        """State and options; the history as lists."""
        found = super().state_dict()
        for key, state in found["state"].items():
            if isinstance(state, dict) and "history" in state:
                whole = {**state, **state["history"].saved()}
                found["state"][key] = {k: whole[k] for k in SAVED if k in whole}
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        super().load_state_dict(state_dict)
        self._params = self.param_groups[0]["params"]


def varying(number: float | torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A number as a tensor, so that programs do not depend on it."""
    return number if isinstance(number, torch.Tensor) else wrap(constant(number, like.dtype))


def scalar(number: float, like: torch.Tensor) -> np.floating:
    """A number of a tensor's type, which it passes on to what is computed from it: where PyTorch has a tensor."""
    return like.dtype.numpy.type(number)


def as_given(t: float) -> float | torch.Tensor:
    """A step length as a state holds it: a tensor where it comes from one."""
    return torch.tensor(t) if isinstance(t, np.floating) else t
