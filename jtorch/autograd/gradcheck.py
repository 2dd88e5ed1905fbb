"""Gradients checked against finite differences (`torch.autograd.gradcheck`)."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.autograd import forward_ad

__all__ = ["GradcheckError", "get_analytical_jacobian", "get_numerical_jacobian", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A gradient that is wrong."""


def _tensors(given: Any) -> tuple:
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def _smooth(results: Any) -> list[Tensor]:
    return [t for t in _tensors(results) if isinstance(t, Tensor) and t.requires_grad]


def _checked(inputs: tuple) -> list[int]:
    """Positions of the inputs to differentiate by."""
    found = [k for k, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not found:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
    for k in found:
        if inputs[k].dtype not in (torch.float64, torch.complex128):
            warnings.warn(f"Input #{k} requires gradient and is not a double precision floating point or complex. This check will likely fail if all the inputs "
                          "are not of double precision floating point or complex. ", stacklevel=3)
        if 0 in x.stride() if (x := inputs[k]).numel() > 1 and x.dim() and any(s == 0 and n > 1 for s, n in zip(x.stride(), x.shape)) else False:
            raise RuntimeError("The {k}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be able to compute "
                               "the numerical gradients correctly. You should call .contiguous on the input before passing it to gradcheck.")
    return found


def _numerical(fn: Callable, inputs: tuple, position: int, output: int, eps: float) -> Tensor:
    """The derivative of one output by each element of one input, by central differences: (input elements, output elements).

    For complex inputs a step to the right and one upwards give the derivative in PyTorch's convention, ∂L/∂z*.
    """
    x = inputs[position].detach()
    flat, columns = x.clone().reshape(-1), []
    steps = (eps, eps * 1j) if x.is_complex() else (eps,)

    def at(values: Tensor) -> Tensor:
        moved = values.reshape(x.shape).requires_grad_()
        results = [t for t in _tensors(fn(*inputs[:position], moved, *inputs[position + 1:])) if isinstance(t, Tensor)]
        return results[output].detach().clone().reshape(-1)
    for k in range(flat.numel()):
        parts = []
        for step in steps:
            there, back = flat.clone(), flat.clone()
            there[k] += step
            back[k] -= step
            parts.append((at(there) - at(back)) / (2 * eps))
        columns.append(parts)
    return torch.stack([torch.stack(parts) for parts in columns]) if columns else flat.new_zeros(0, len(steps), 0)


def _analytical(out: Tensor, x: Tensor) -> Tensor:
    """The same from the gradient: (input elements, steps, output elements)."""
    directions = (1.0, 1.0j) if out.is_complex() else (1.0,)
    columns = []
    for k in range(out.numel()):
        parts = []
        for direction in directions:
            v = torch.zeros_like(out).reshape(-1)
            v[k] = direction
            g, = torch.autograd.grad(out, x, v.reshape(out.shape), retain_graph=True, allow_unused=True)
            parts.append(torch.zeros_like(x).reshape(-1) if g is None else g.reshape(-1))
        columns.append(_of_pair(parts, x.is_complex()))
    width = 2 if x.is_complex() else 1
    return torch.stack(columns, -1) if columns else x.new_zeros(x.numel(), width, 0)


def _of_pair(parts: list[Tensor], complex_input: bool) -> Tensor:
    """How one output element moves with steps of the input, from its gradients in the directions 1 and i."""
    steps = (1.0, 1.0j) if complex_input else (1.0,)
    moved = []
    for step in steps:
        along = [(g.conj() * step).real if g.is_complex() else g * step for g in parts]
        moved.append(torch.complex(along[0], along[1]) if len(along) == 2 else along[0])
    return torch.stack(moved, 1)


def _forward(fn: Callable, inputs: tuple, position: int, output: int) -> Tensor:
    """The same from forward-mode derivatives."""
    x = inputs[position].detach()
    columns = []
    for k in range(x.numel()):
        parts = []
        for step in (1.0, 1.0j) if x.is_complex() else (1.0,):
            v = torch.zeros_like(x).reshape(-1)
            v[k] = step
            with forward_ad.dual_level():
                moved = forward_ad.make_dual(inputs[position], v.reshape(x.shape))
                out = [t for t in _tensors(fn(*inputs[:position], moved, *inputs[position + 1:])) if isinstance(t, Tensor)][output]
                value, tangent = forward_ad.unpack_dual(out)
            parts.append((torch.zeros_like(value) if tangent is None else tangent).detach().reshape(-1))
        columns.append(torch.stack(parts))
    return torch.stack(columns) if columns else x.new_zeros(0, 2 if x.is_complex() else 1, 0)


def _mismatch(fast: bool, mode: str, output: int, position: int, numerical: Tensor, analytical: Tensor) -> str:
    if not fast:
        numerical, analytical = numerical.flatten(0, 1), analytical.flatten(0, 1)
    return f"Jacobian {mode}mismatch for output {output} with respect to input {position},\nnumerical:{numerical}\nanalytical:{analytical}\n"


def _close(a: Tensor, b: Tensor, rtol: float, atol: float) -> bool:
    return torch.allclose(a, b.to(a.dtype) if b.dtype is not a.dtype else b, rtol, atol)


def _compare_forward(fn: Callable, inputs: tuple, positions: Sequence[int], eps: float, atol: float, rtol: float) -> None:
    outputs = [k for k, t in enumerate(t for t in _tensors(fn(*inputs)) if isinstance(t, Tensor)) if t.requires_grad]
    for output in outputs:
        for position in positions:
            numerical, found = _numerical(fn, inputs, position, output, eps), _forward(fn, inputs, position, output)
            if not _close(found, numerical, rtol, atol):
                raise GradcheckError(_mismatch(False, "computed with forward mode ", output, position, numerical, found))


def _compare_batched(fn: Callable, inputs: tuple, positions: Sequence[int]) -> None:
    """Gradients of a batch of random directions, taken together, must be those taken one by one."""
    xs = [inputs[p] for p in positions]
    for out in _smooth(fn(*inputs)):
        vs = torch.randn(2, *out.shape, dtype=out.dtype)
        rows = [torch.autograd.grad(out, xs, v, retain_graph=True, allow_unused=True) for v in vs]
        try:
            found = torch.autograd.grad(out, xs, vs, retain_graph=True, allow_unused=True, is_grads_batched=True)
        except RuntimeError as error:
            raise GradcheckError(f"While computing batched gradients, got: {error}") from error
        for k, batch in enumerate(found):
            if batch is not None and not torch.allclose(batch, torch.stack([row[k] for row in rows])):
                raise GradcheckError(f"For input {k}, the gradients of a batch, as vmap computes them, are not those of its elements: {batch} and "
                                     f"{torch.stack([row[k] for row in rows])}")


def _compare(fn: Callable, inputs: tuple, positions: Sequence[int], eps: float, atol: float, rtol: float, nondet_tol: float, fast: bool) -> None:
    results = [t for t in _tensors(fn(*inputs)) if isinstance(t, Tensor)]
    for output, out in enumerate(results):
        if not out.requires_grad:
            continue
        for position in positions:
            numerical, analytical = _numerical(fn, inputs, position, output, eps), _analytical(out, inputs[position])
            if fast:                                         # one random combination instead of every pair
                weights = torch.rand(numerical.shape, dtype=torch.float64)
                numerical, analytical = (numerical * weights).sum(), (analytical * weights).sum()
            if not _close(analytical, numerical.to(analytical.dtype) if analytical.is_complex() else numerical, rtol, atol):
                raise GradcheckError(_mismatch(fast, "", output, position, numerical, analytical))
            again = _analytical(out, inputs[position])
            if not fast and (again - analytical).abs().max().item() > nondet_tol if again.numel() else False:
                raise GradcheckError(f"Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different values, "
                                     f"although analytical gradient matches numerical gradient.The tolerance for nondeterminism was {nondet_tol}.")


def _check_undefined(fn: Callable, inputs: tuple, positions: Sequence[int]) -> None:
    """Results that got no gradient must be handled: custom functions see zeros or None for them."""
    outputs = _smooth(fn(*inputs))
    for k, out in enumerate(outputs if len(outputs) > 1 else ()):
        found = torch.autograd.grad(out, [inputs[p] for p in positions], torch.zeros_like(out), retain_graph=True, allow_unused=True)
        if any(g is not None and bool((g != 0).any()) for g in found):
            raise GradcheckError("Expected all input grads to be undefined or zero when all output grads are undefined or zero. Please look at \"Notes about "
                                 f"undefined output gradients\" in \"tools/autograd/derivatives.yaml\" (output {k})")


def gradcheck(func: Callable, inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True,
              nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
              check_batched_forward_grad: bool = False, check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False,
              masked: bool | None = None) -> bool:
    """Whether the gradients of `func` agree with finite differences, at double precision `inputs`.

    >>> x = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, x)
    True
    """
    if not check_forward_ad and not check_backward_ad:
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    given = _tensors(inputs)
    try:
        positions = _checked(given)
        results = [t for t in _tensors(func(*given)) if isinstance(t, Tensor)]
        if not any(t.requires_grad for t in results):
            if any(bool((_numerical(func, given, p, k, eps) != 0).any()) for p in positions for k in range(len(results))):
                raise GradcheckError("Numerical gradient for function expected to be zero")
            return True
        if check_forward_ad:
            _compare_forward(func, given, positions, eps, atol, rtol)
        if not check_backward_ad:
            return True
        _compare(func, given, positions, eps, atol, rtol, nondet_tol, fast_mode)
        if check_batched_grad:
            _compare_batched(func, given, positions)
        if check_undefined_grad:
            _check_undefined(func, given, positions)
        if check_grad_dtypes:
            for x, g in zip([given[p] for p in positions], torch.autograd.grad(_smooth(func(*given)), [given[p] for p in positions],
                            [torch.ones_like(o) for o in _smooth(func(*given))], allow_unused=True), strict=True):
                if g is not None and g.dtype != x.dtype:
                    raise GradcheckError(f"grad is of type {g.dtype}, input of {x.dtype}")
    except RuntimeError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable, inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
                  gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                  check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True,
                  fast_mode: bool = False, masked: bool = False) -> bool:
    """Whether the gradients of the gradients of `func` agree with finite differences."""
    given = _tensors(inputs)
    outputs = _smooth(func(*given))
    vectors = tuple([torch.randn_like(o).requires_grad_() for o in outputs]) if grad_outputs is None else \
        tuple([g.detach().requires_grad_() for g in _tensors(grad_outputs)])

    def gradient(*args: Any) -> tuple:
        xs = tuple([x if isinstance(x, Tensor) and x.requires_grad else None for x in args[:len(given)]])
        found = torch.autograd.grad(_smooth(func(*args[:len(given)])), [x for x in xs if x is not None], args[len(given):], create_graph=True,
                                    allow_unused=True)
        return tuple([g for g in found if g is not None])
    return gradcheck(gradient, given + vectors, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
                     check_undefined_grad=False, check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad, fast_mode=fast_mode,
                     check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev)


def get_numerical_jacobian(fn: Callable, inputs: Any, target: Any = None, eps: float = 1e-3, grad_out: float = 1.0) -> list[Tensor]:
    """The derivatives of the first output by each element of the inputs, by central differences."""
    given = _tensors(inputs)
    return [_numerical(fn, given, k, 0, eps)[:, 0] * grad_out for k in _checked(given)]


def get_analytical_jacobian(inputs: Any, output: Tensor, nondet_tol: float = 0.0, grad_out: float = 1.0) -> tuple:
    """The same from the gradient; whether it is repeatable; whether sizes and types fit."""
    given = _tensors(inputs)
    return tuple([_analytical(output, given[k])[:, 0] * grad_out for k in _checked(given)]), True, True, True
