"""A graph network sorts people into communities by whom they know: a graph convolution (Kipf & Welling 2017), then graph attention (Veličković et al. 2018).

Messages pass along the edges: each is gathered from its source and added up at its target.
"""
import torch
from torch import nn
from torch.nn import functional as F

from collections.abc import Iterator

COMMUNITIES, PEOPLE, FEATURES = 4, 160, 16


def society() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features (PEOPLE, FEATURES), edges (2, E) with self-loops, and communities (PEOPLE); most acquaintances lie within a community."""
    labels = torch.arange(PEOPLE) % COMMUNITIES
    likely = torch.where(labels[:, None] == labels[None, :], 0.15, 0.02)
    known = torch.triu(torch.rand(PEOPLE, PEOPLE) < likely, diagonal=1)
    edges = (known | known.t() | torch.eye(PEOPLE, dtype=torch.bool)).nonzero().t()
    features = torch.randn(COMMUNITIES, FEATURES)[labels] * 0.5 + torch.randn(PEOPLE, FEATURES)
    return features, edges, labels


class Convolution(nn.Module):
    """The sum of the neighbours' features, normalised by both degrees: (P, F), (2, E) -> (P, G)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        source, target = edges
        degree = torch.zeros(x.size(0)).scatter_add(0, target, torch.ones(target.size(0)))
        norm = degree.rsqrt()
        messages = self.linear(x)[source] * (norm[source] * norm[target]).unsqueeze(1)
        return torch.zeros(x.size(0), messages.size(1)).index_add(0, target, messages) + self.bias


def softmax_by_target(scores: torch.Tensor, target: torch.Tensor, count: int) -> torch.Tensor:
    """Scores (E, H) made to sum to one over the edges into each of `count` nodes."""
    where = target.unsqueeze(1).expand_as(scores)
    highest = torch.full((count, scores.size(1)), float("-inf")).scatter_reduce(0, where, scores.detach(), reduce="amax")
    raised = torch.exp(scores - highest[target])
    total = torch.zeros(count, scores.size(1)).index_add(0, target, raised)
    return raised / total[target]


class GraphAttention(nn.Module):
    """The neighbours' features, each with a weight that depends on both ends, by several heads: (P, F), (2, E) -> (P, H G)."""

    def __init__(self, inputs: int, outputs: int, heads: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.linear = nn.Linear(inputs, heads * outputs, bias=False)
        self.from_source = nn.Parameter(torch.empty(heads, outputs))
        self.from_target = nn.Parameter(torch.empty(heads, outputs))
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter)

    def forward(self, x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        source, target = edges
        h = self.linear(x).view(x.size(0), self.heads, -1)
        scores = (h * self.from_source).sum(-1)[source] + (h * self.from_target).sum(-1)[target]
        weights = self.dropout(softmax_by_target(F.leaky_relu(scores, 0.2), target, x.size(0)))
        out = torch.zeros_like(h).index_add_(0, target, h[source] * weights.unsqueeze(-1))
        return out.flatten(1)


class GraphNetwork(nn.Module):
    """Scores of the communities: (P, F), (2, E) -> (P, COMMUNITIES)."""

    def __init__(self, width: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.convolution = Convolution(FEATURES, width)
        self.attention = GraphAttention(width, width // heads, heads)
        self.norm = nn.LayerNorm(width)
        self.output = Convolution(width, COMMUNITIES)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        x = self.dropout(F.relu(self.convolution(x, edges)))
        x = x + F.elu(self.attention(x, edges))
        return self.output(self.dropout(self.norm(x)), edges)


def train(steps: int) -> Iterator[float]:
    """The loss of each step on the people whose communities are known."""
    torch.manual_seed(0)
    features, edges, labels = society()
    order = torch.randperm(PEOPLE)
    known, validation = order[:40], order[40:80]
    model = GraphNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0.05)
    for step in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(features, edges)[known], labels[known])
        loss.backward()
        optimizer.step()
        yield loss.item()
        if step % 2 == 1:
            model.eval()
            with torch.no_grad():
                scores = model(features, edges)[validation]
            model.train()
            scheduler.step(F.cross_entropy(scores, labels[validation]).item())
            right = (scores.argmax(dim=1) == labels[validation]).float().mean().item()
            print(f"         right {right:.3f}  lr {scheduler.get_last_lr()[0]:.4f}")


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
