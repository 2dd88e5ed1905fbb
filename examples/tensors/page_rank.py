"""PageRank by power iteration, by a linear system and on a sparse matrix; hitting times; the walk's own gap."""
import torch

links = {0: [1, 2], 1: [2], 2: [0, 3], 3: [], 4: [2, 3], 5: [4, 0]}
pages, damping = len(links), 0.85
pairs = torch.tensor([(page, other) for page, others in links.items() for other in others])
out_degree = torch.bincount(pairs[:, 0], minlength=pages)
dangling = out_degree == 0

matrix = torch.zeros(pages, pages).index_put_((pairs[:, 1], pairs[:, 0]), 1 / out_degree[pairs[:, 0]])
matrix[:, dangling] = 1 / pages
print(matrix, matrix.sum(0))

rank = torch.full((pages,), 1 / pages)
for step in range(100):
    new = damping * matrix @ rank + (1 - damping) / pages
    change = (new - rank).abs().sum().item()
    rank = new
    if step in (0, 1, 5):
        print(f"step {step}: change {change:.5f}  best {rank.argmax().item()}")
    if change < 1e-6:
        break
print("converged:", change < 1e-6, rank)

solved = torch.linalg.solve(torch.eye(pages) - damping * matrix, torch.full((pages,), (1 - damping) / pages))
print("the linear system agrees:", torch.allclose(solved, rank, atol=1e-5))

sparse = torch.sparse_coo_tensor(pairs.flip(1).T, 1 / out_degree[pairs[:, 0]], (pages, pages))
rank = torch.full((pages, 1), 1 / pages)
for _ in range(60):
    lost = rank[dangling].sum()
    rank = damping * (torch.sparse.mm(sparse, rank) + lost / pages) + (1 - damping) / pages
print("the sparse product agrees:", torch.allclose(rank[:, 0], solved, atol=1e-5))
order = rank[:, 0].argsort(descending=True)
for place, page in enumerate(order.tolist(), start=1):
    print(f"{place}. page {page}  {rank[page].item():.4f}")

moduli = torch.linalg.eigvals(damping * matrix + (1 - damping) / pages).abs().sort(descending=True).values
print("largest eigenvalue", moduli[0].round(decimals=4), "second", moduli[1].round(decimals=4))
walk = (damping * matrix + (1 - damping) / pages).T[1:, 1:]
print("steps until page 0:", torch.linalg.inv(torch.eye(pages - 1) - walk).sum(1))
