"""A graph as a list of edges: degrees, neighbour sums and maxima by scatter, connected parts, triangles, and one learned layer."""
import torch

edges = torch.tensor([[0, 1], [0, 2], [1, 2], [2, 3], [4, 5], [5, 6], [4, 6], [6, 7]])
nodes = 9
source, target = torch.cat([edges, edges.flip(1)]).T            # both directions

degree = torch.zeros(nodes, dtype=torch.long).scatter_add_(0, target, torch.ones_like(target))
print("degrees", degree, torch.equal(degree, torch.bincount(target, minlength=nodes)))

features = torch.arange(nodes * 2, dtype=torch.float32).view(nodes, 2) / 10
messages = features[source]
index = target[:, None].expand_as(messages)
print("sums\n", torch.zeros_like(features).index_add_(0, target, messages))
for reduce in ("mean", "amax", "amin", "prod"):
    found = torch.zeros_like(features).scatter_reduce(0, index, messages, reduce, include_self=False)
    print(reduce, found[:, 1])

label = torch.arange(nodes)
rounds = 0
while True:
    smaller = label.scatter_reduce(0, target, label[source], "amin")
    rounds += 1
    if torch.equal(smaller, label):
        break
    label = smaller
parts, members = label.unique(return_counts=True)
print(f"parts after {rounds} rounds:", parts.tolist(), members.tolist())

adjacency = torch.zeros(nodes, nodes, dtype=torch.long)
adjacency[source, target] = 1
triangles = torch.linalg.matrix_power(adjacency.double(), 3).diagonal() / 2
print("triangles at each node", triangles.int().tolist(), "in all", int(triangles.sum()) // 3)

torch.manual_seed(3)
layer = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
scale = degree.clamp(min=1).rsqrt()
wanted = (degree >= 3).float()
for step in range(30):
    smoothed = torch.zeros_like(features).index_add(0, target, messages * (scale[source] * scale[target])[:, None])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(layer(smoothed).squeeze(1), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step:2}  loss {loss.item():.5f}")
print(layer.weight.grad, layer.bias.grad)
