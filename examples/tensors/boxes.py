"""Boxes as a detector gives them: overlaps, non-maximum suppression by sorting and masks, matching, and average precision."""
import torch


def overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each box with each: (N, 4), (M, 4) -> (N, M)."""
    low = torch.maximum(a[:, None, :2], b[:, :2])
    high = torch.minimum(a[:, None, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(dim=1) for boxes in (a, b))
    return shared / (area_a[:, None] + area_b - shared)


def suppress(boxes: torch.Tensor, scores: torch.Tensor, limit: float) -> torch.Tensor:
    """Indices of the boxes that stay, best first."""
    order = scores.argsort(descending=True, stable=True)
    kept = []
    while order.numel():
        best, rest = order[0], order[1:]
        kept.append(best.item())
        order = rest[overlap(boxes[best, None], boxes[rest])[0] <= limit]
    return torch.tensor(kept)


torch.manual_seed(4)
truth = torch.tensor([[10.0, 10, 50, 50], [60, 20, 90, 80], [20, 60, 55, 95]])
boxes = truth.repeat_interleave(4, dim=0) + torch.randint(-6, 7, (12, 4))
boxes = torch.cat([boxes, torch.tensor([[0.0, 0, 8, 8], [70, 85, 99, 99]])])
scores = torch.rand(len(boxes))
print(boxes[:3])
print(overlap(truth, boxes).round(decimals=3)[:, ::3])

for limit in (0.3, 0.6, 0.9):
    print(f"limit {limit}: kept", suppress(boxes, scores, limit).tolist())

kept = suppress(boxes, scores, 0.3)
best, match = overlap(boxes[kept], truth).max(dim=1)
hit = best > 0.5
for box, score, i, good in zip(kept.tolist(), scores[kept].tolist(), match.tolist(), hit.tolist()):
    print(f"box {box:2}  score {score:.4f}  {'object ' + str(i) if good else 'nothing'}")
found = hit.cumsum(0)
precision, recall = found / torch.arange(1, len(kept) + 1), found / len(truth)
envelope = precision.flip(0).cummax(0).values.flip(0)
print("precision", precision, "\nrecall", recall)
print("average precision", (envelope * recall.diff(prepend=torch.zeros(1))).sum())
print(torch.cat([kept[hit].unsqueeze(1), match[hit].unsqueeze(1)], dim=1))
