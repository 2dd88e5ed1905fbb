"""k-means in three clusters: distances, assignment, new centres by index_add, k-means++ seeds, and a confusion table."""
import torch

torch.manual_seed(3)
centres = torch.tensor([[0.0, 0.0], [4.0, 1.0], [1.0, 5.0]])
label = torch.arange(3).repeat_interleave(30)
points = centres[label] + 1.3 * torch.randn(90, 2)


def seeds(points: torch.Tensor, k: int) -> torch.Tensor:
    """k-means++ (Arthur & Vassilvitskii 2007): each next seed drawn with weight distance²."""
    chosen = points[torch.randint(len(points), (1,))]
    while len(chosen) < k:
        distance = torch.cdist(points, chosen).min(dim=1).values
        chosen = torch.cat([chosen, points[torch.multinomial(distance ** 2, 1)]])
    return chosen


means = seeds(points, 3)
for iteration in range(20):
    distance, nearest = torch.cdist(points, means).min(dim=1)
    count = nearest.bincount(minlength=3)
    new = torch.zeros_like(means).index_add_(0, nearest, points) / count[:, None]
    print(f"iteration {iteration}  inertia {distance.square().sum().item():.3f}  sizes {count.tolist()}")
    if torch.allclose(new, means):
        break
    means = new

order = torch.cdist(centres, means).argmin(dim=1)
print(means[order])
rank = torch.empty_like(order).scatter_(0, order, torch.arange(3))
print("confusion", torch.zeros(3, 3, dtype=torch.long).index_put_((label, rank[nearest]), torch.tensor(1), accumulate=True))

own = torch.nn.functional.one_hot(nearest, 3).bool()
between = torch.cdist(points, points)
mean_distance = torch.stack([between[:, nearest == k].sum(1) for k in range(3)], dim=1)
inside = mean_distance[own] / (count[nearest] - 1)
outside = (mean_distance / count).masked_fill(own, float("inf")).amin(dim=1)
silhouette = (outside - inside) / torch.maximum(outside, inside)
print(f"silhouette {silhouette.mean().item():.4f}, worst point {silhouette.argmin().item()} at {silhouette.min().item():.4f}")
for k in range(3):
    spread = torch.cov(points[nearest == order[k]].T)
    print(k, spread, torch.linalg.det(spread).sqrt())
