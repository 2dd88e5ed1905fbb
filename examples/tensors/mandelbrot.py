"""The Mandelbrot set with complex tensors and a mask; Newton's basins of z³ = 1; areas counted."""
import torch

x, y = torch.meshgrid(torch.linspace(-2.12, 0.58, 55, dtype=torch.float64), torch.linspace(-1.1, 1.1, 23, dtype=torch.float64), indexing="xy")
c = torch.complex(x, y)
z = torch.zeros_like(c)
escape = torch.full(c.shape, 30)
inside = torch.ones(c.shape, dtype=torch.bool)
for step in range(30):
    z[inside] = z[inside] ** 2 + c[inside]
    left = inside & (z.abs() > 2)
    escape[left] = step
    inside &= ~left
for row in escape:
    print("".join(" .:-=+*%#@@"[count // 3] for count in row.tolist()).rstrip())
print("still inside", inside.sum().item(), "of", inside.numel(), c.dtype, z.shape)
print("escape times", torch.histc(escape.double(), bins=6, min=0, max=30).int().tolist(), "median", escape.median().item())
print("symmetric:", torch.equal(escape, escape.flip(0)))

roots = torch.exp(2j * torch.pi * torch.arange(3) / 3).to(torch.complex128)
side = torch.linspace(-1.35, 1.45, 12, dtype=torch.float64)
z = side[None, :] + 1j * side[:, None]
for _ in range(25):
    z = z - (z ** 3 - 1) / (3 * z ** 2)
distance, basin = (z.unsqueeze(-1) - roots).abs().min(dim=-1)
print(basin, basin.flatten().bincount(), bool((distance < 1e-6).all()))
