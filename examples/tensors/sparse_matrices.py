"""Sparse matrices in coordinates: building, coalescing, products, a gradient through one, and heat on a grid."""
import torch

indices = torch.tensor([[0, 1, 1, 2, 0], [2, 0, 2, 1, 2]])
values = torch.tensor([3.0, 4.0, 5.0, 6.0, 10.0])
s = torch.sparse_coo_tensor(indices, values, (3, 4))
print(s, s.is_sparse, s.layout, s._nnz())
c = s.coalesce()
print(c.indices(), c.values(), c._nnz())
print(c.to_dense())
print((c * 2).to_dense().sum(), torch.sparse.sum(c, dim=0).to_dense(), c.t().to_dense().shape)

dense = torch.arange(12.0).view(4, 3) / 10
print(torch.sparse.mm(c, dense), torch.equal(torch.mm(c, dense), c.to_dense() @ dense))
print(torch.eye(3).to_sparse().indices())

weight = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
built = torch.sparse_coo_tensor(torch.tensor([[0, 1, 2], [1, 1, 0]]), weight, (3, 4))
torch.sparse.mm(built, dense).square().sum().backward()
print("gradient of the entries", weight.grad)

n = 5
node = torch.arange(n * n).view(n, n)
pairs = torch.cat([torch.stack([node[:, :-1].flatten(), node[:, 1:].flatten()]), torch.stack([node[:-1].flatten(), node[1:].flatten()])], dim=1)
pairs = torch.cat([pairs, pairs.flip(0)], dim=1)
degree = pairs[0].bincount()
laplacian = torch.sparse_coo_tensor(
    torch.cat([pairs, node.flatten().repeat(2, 1)], dim=1), torch.cat([-torch.ones(pairs.shape[1]), degree.float()]), (n * n, n * n))
heat = torch.zeros(n * n, 1)
heat[n * n // 2] = 1
for step in range(1, 21):
    heat = heat - 0.1 * torch.sparse.mm(laplacian, heat)
    if step % 10 == 0:
        print(f"step {step}: total {heat.sum().item():.5f}  centre {heat.max().item():.5f}")
print(heat.view(n, n))

table = torch.nn.Embedding(6, 3, sparse=True)
with torch.no_grad():
    table.weight.copy_(torch.arange(18.0).view(6, 3))
optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
table(torch.tensor([1, 4, 1])).sum().backward()
print(table.weight.grad.coalesce())
optimizer.step()
print(table.weight[[0, 1, 4]])
