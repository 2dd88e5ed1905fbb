"""Functions of functions: Jacobians and Hessians by torch.func, gradients of each sample by vmap, Newton's method, sensitivities forward."""
import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

torch.set_default_dtype(torch.float64)


def polar(point: torch.Tensor) -> torch.Tensor:
    """(x, y) -> (radius, angle)."""
    return torch.stack([point.norm(), torch.atan2(point[1], point[0])])


points = torch.tensor([[3.0, 4.0], [1.0, -1.0], [0.5, 2.0]])
forward, reverse = vmap(jacfwd(polar))(points), vmap(jacrev(polar))(points)
print(forward, torch.allclose(forward, reverse), torch.linalg.det(forward))


def rosenbrock(p: torch.Tensor) -> torch.Tensor:
    return ((1 - p[:-1]) ** 2 + 100 * (p[1:] - p[:-1] ** 2) ** 2).sum()


p = torch.tensor([0.8, 0.9, 1.1])
for step in range(7):
    slope, curve = grad(rosenbrock)(p), hessian(rosenbrock)(p)
    print(f"step {step}  value {rosenbrock(p).item():12.6f}")
    p = p - torch.linalg.solve(curve + 1e-3 * torch.eye(3), slope)
print("minimum", p.round(decimals=4), "curvature", torch.linalg.eigvalsh(hessian(rosenbrock)(torch.ones(3))))

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
weights = {name: value.detach() for name, value in model.named_parameters()}
inputs, targets = torch.randn(4, 2), torch.randn(4, 1)


def loss(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.mse_loss(functional_call(model, weights, x), y)


each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, inputs, targets)
whole = grad(loss)(weights, inputs, targets)
for name, value in each.items():
    print(f"{name:10} {tuple(value.shape)!s:12} mean agrees: {torch.allclose(value.mean(0), whole[name])}")
norms = torch.stack([value.flatten(1).square().sum(1) for value in each.values()]).sum(0).sqrt()
print("gradient of each sample", norms)

value, tangent = jvp(torch.sin, (points[0],), (torch.tensor([1.0, 0.0]),))
output, back = vjp(polar, points[0])
print(value, tangent, output, back(torch.tensor([1.0, 0.0]))[0])
