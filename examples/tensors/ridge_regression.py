"""Ridge regression three ways: normal equations with Cholesky, a least-squares solver on stacked rows, and the singular values."""
import torch

torch.manual_seed(0)
n, d, noise = 60, 5, 0.1
truth = torch.tensor([1.5, -2.0, 0.0, 3.0, 0.5], dtype=torch.float64)
x = torch.randn(n, d, dtype=torch.float64)
x[:, 4] = x[:, 0] + 0.05 * x[:, 4]                      # two columns that are nearly one
y = x @ truth + noise * torch.randn(n, dtype=torch.float64)


def by_cholesky(penalty: float) -> torch.Tensor:
    """(XᵀX + λI) w = Xᵀy, by the triangular factor."""
    gram = x.T @ x + penalty * torch.eye(d, dtype=x.dtype)
    factor = torch.linalg.cholesky(gram)
    return torch.cholesky_solve((x.T @ y).unsqueeze(1), factor).squeeze(1)


def by_stacking(penalty: float) -> torch.Tensor:
    """Plain least squares after d more rows √λ I with target 0."""
    rows = torch.cat([x, penalty ** 0.5 * torch.eye(d, dtype=x.dtype)])
    targets = torch.cat([y, y.new_zeros(d)])
    return torch.linalg.lstsq(rows, targets.unsqueeze(1)).solution.flatten()


def by_singular_values(penalty: float) -> torch.Tensor:
    """Each direction shrunk by s / (s² + λ)."""
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    return vh.mH @ (s / (s.square() + penalty) * (u.mT @ y))


print(f"condition number {torch.linalg.cond(x.T @ x):.1f}, rank {torch.linalg.matrix_rank(x)}")
for penalty in (0.01, 1.0, 100.0):
    w = by_cholesky(penalty)
    same = [torch.allclose(w, other(penalty)) for other in (by_stacking, by_singular_values)]
    error = torch.mean((x @ w - y) ** 2).sqrt()
    print(f"penalty {penalty:6.2f}  error {error.item():.4f}  length {w.norm().item():.4f}  {same}")
    print(w)

hat = x @ torch.linalg.inv(x.T @ x) @ x.T
leverage = hat.diagonal()
print("leverages add up to", round(leverage.sum().item(), 6), "and the largest belong to", leverage.topk(3).indices.tolist())
