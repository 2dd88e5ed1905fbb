"""Planets: pairwise forces by broadcasting, a leapfrog that keeps energy and momentum, forces once more by autograd."""
import torch

torch.set_default_dtype(torch.float64)
mass = torch.tensor([1.0, 0.003, 0.001, 0.0005])
position = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1.6, 0.1], [-2.2, 0, 0]])
velocity = torch.zeros(4, 3)
velocity[1:] = torch.linalg.cross(torch.tensor([0.0, 0, 1]).expand(3, 3), position[1:])
velocity[1:] /= position[1:].norm(dim=1, keepdim=True) ** 1.5
velocity[0] = -(mass[1:, None] * velocity[1:]).sum(0) / mass[0]


def potential(position: torch.Tensor) -> torch.Tensor:
    """-Σ m m' / r over pairs."""
    i, j = torch.triu_indices(4, 4, offset=1)
    return -(mass[i] * mass[j] / (position[i] - position[j]).norm(dim=1)).sum()


def acceleration(position: torch.Tensor) -> torch.Tensor:
    gap = position[None, :, :] - position[:, None, :]
    cube = gap.square().sum(-1).fill_diagonal_(1.0) ** -1.5
    return torch.einsum("j,ij,ijk->ik", mass, cube, gap)


def energy() -> float:
    return (0.5 * (mass * velocity.square().sum(1)).sum() + potential(position)).item()


def momentum() -> torch.Tensor:
    return (mass[:, None] * velocity).sum(0)


leaf = position.clone().requires_grad_()
potential(leaf).backward()
print("forces are the gradient:", torch.allclose(-leaf.grad / mass[:, None], acceleration(position)))
print(acceleration(position))

before, dt = energy(), 0.05
force = acceleration(position)
for step in range(1, 61):
    velocity += 0.5 * dt * force
    position += dt * velocity
    force = acceleration(position)
    velocity += 0.5 * dt * force
    if step % 20 == 0:
        print(f"step {step:3}  energy {energy():.6f}  drift below 1e-5: {abs(energy() - before) < 1e-5}")
        print(torch.cat([position[1:], velocity[1:]], dim=1))
print("momentum stays zero:", torch.allclose(momentum(), torch.zeros(3), atol=1e-12))
print("angular momentum", (mass[:, None] * torch.cross(position, velocity, dim=1)).sum(0).round(decimals=10))
print("distances", torch.nn.functional.pdist(position))
