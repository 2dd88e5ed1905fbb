"""A tour of automatic differentiation.

Leaves and backward, results that are not scalars, accumulation, what stops a gradient, hooks, derivatives of derivatives, a function of one's own,
in-place writes.
"""
import torch
import torch.nn as nn
from torch.autograd import Variable

import argparse


def leaves() -> None:
    print("== Leaves ==")
    v1 = torch.tensor([1.0, 1.0], requires_grad=True)
    v2 = torch.tensor([2.0, 2.0])
    v_sum = v1 + v2
    result = (v_sum * 2).sum()
    print(result, v1.is_leaf, v2.is_leaf, v_sum.is_leaf, v_sum.requires_grad, v2.requires_grad)
    print(type(result.grad_fn).__name__, v1.grad_fn, v1.grad)
    result.backward()
    print(v1.grad, v2.grad)


def loss_of_one_point() -> None:
    print("== The loss of one point ==")
    w = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(0.5, requires_grad=True)
    x, y = torch.tensor([1.4]), torch.tensor([2.1])
    z = torch.add(torch.mul(w, x), b)
    loss = (y - z).pow(2).sum()
    loss.backward()
    print("dL/dw", w.grad, "dL/db", b.grad)
    print("by hand", 2 * x * ((w * x + b) - y))


def vector_result() -> None:
    print("== A result that is not a scalar ==")
    x = torch.tensor([[2.0, 3.0]], requires_grad=True)
    jacobian = torch.zeros(2, 2)
    y = torch.zeros(1, 2)
    y[0, 0] = x[0, 0] ** 2 + 3 * x[0, 1]
    y[0, 1] = x[0, 1] ** 2 + 2 * x[0, 0]
    print(y)
    y.backward(gradient=torch.tensor([[1.0, 0.0]]), retain_graph=True)
    jacobian[0] = x.grad
    x.grad.zero_()
    y.backward(torch.tensor([[0.0, 1.0]]))
    jacobian[1] = x.grad
    print(jacobian)
    try:
        (x * 2).backward()
    except RuntimeError as error:
        print("RuntimeError:", error)


def accumulation() -> None:
    print("== Gradients add up ==")
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for _ in range(3):
        (x**2).sum().backward()
        print(x.grad)
    x.grad.zero_()
    (x**3).sum().backward()
    print(x.grad)
    x.grad = None
    y = (x * 2).sum()
    y.backward()
    try:
        y = (x * x).sum()
        y.backward()
        y.backward()
    except RuntimeError as error:
        print("RuntimeError:", str(error).split(" (")[0])


def stopping() -> None:
    print("== What stops a gradient ==")
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.no_grad():
        print((x * 2).requires_grad)
    print(x.detach().requires_grad, x.data.requires_grad, (x * x.detach()).sum().requires_grad)
    (x * x.detach()).sum().backward()
    print(x.grad)
    try:
        x += 1
    except RuntimeError as error:
        print("RuntimeError:", error)
    with torch.no_grad():
        x += 1
    print(x, x.requires_grad_(False))
    try:
        torch.tensor([1, 2], requires_grad=True)
    except RuntimeError as error:
        print("RuntimeError:", error)


def hooks() -> None:
    print("== Looking at gradients on their way ==")
    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda grad: grad * 10)
    handle = x.register_hook(lambda grad: print("gradient of x:", grad))
    y.abs().sum().backward()
    print(y.grad, x.grad)
    handle.remove()
    y = x * 2
    y.sum().backward()
    print(x.grad)


def higher_orders() -> None:
    print("== Derivatives of derivatives ==")
    x = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad((x**4).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x)
    print(first.detach(), second.detach(), third)
    point = torch.tensor([1.0, 2.0], requires_grad=True)
    (slope,) = torch.autograd.grad(point[0] ** 2 * point[1] ** 3, point, create_graph=True)
    print("Hessian", torch.stack([torch.autograd.grad(s, point, retain_graph=True)[0] for s in slope]))
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    data = torch.tensor([1.0, -1.0], requires_grad=True)
    (slope,) = torch.autograd.grad(torch.tanh(weight @ data).sum(), data, create_graph=True)
    (slope.norm() - 1).pow(2).backward()
    print("gradient of a gradient penalty", weight.grad)


class StraightThrough(torch.autograd.Function):
    """The sign forward; backward the identity where the input is within ±1."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1)


def own_function() -> None:
    print("== A function of one's own ==")
    x = torch.tensor([-2.0, -0.5, 0.5, 2.0], requires_grad=True)
    y = StraightThrough.apply(x)
    y.backward(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    print(y, x.grad)


def writing_in_place() -> None:
    print("== In-place writes and views ==")
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x * 1
    y[:2] *= 10
    y.view(2, 2)[1].mul_(100)
    y.sum().backward()
    print(y, x.grad)
    z = x.exp()
    z += 1
    try:
        z.sum().backward()
    except RuntimeError as error:
        print("RuntimeError:", str(error).split(":")[0])


def initial_values() -> None:
    print("== Initial values ==")
    torch.manual_seed(1)
    w = torch.empty(2, 3)
    nn.init.xavier_normal_(w)
    print(w)
    v = Variable(torch.ones(2), requires_grad=True)
    (v * 3).sum().backward()
    print(v, v.grad)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no difference here: it is quick")
    parser.parse_args()
    parts = leaves, loss_of_one_point, vector_result, accumulation, stopping, hooks, higher_orders, own_function, writing_in_place, initial_values
    for part in parts:
        part()


if __name__ == "__main__":
    main()
