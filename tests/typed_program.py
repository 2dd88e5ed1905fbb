"""An ordinary training script, for the type checker and to be run: what jtorch's stubs say must hold, and what they forbid must be wrong."""
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, assert_type

import jtorch as torch
import jtorch.nn.functional as F
from jtorch import Tensor, nn, return_types
from jtorch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Convolution, pooling, dropout, two dense layers."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.dense = nn.Sequential(nn.Linear(4 * 4 * 4, 16), nn.ReLU(), nn.Linear(16, classes))
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes.    x: (N, 1, 8, 8)  ->  (N, classes)"""
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        x = F.dropout(x.flatten(1), p=0.1, training=self.training)
        scores: Tensor = self.dense(x) * self.scale
        return scores


def data() -> DataLoader[tuple[Tensor, ...]]:
    """Random pictures and their classes."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 1, 8, 8, generator=generator)
    y = torch.randint(0, 3, (12,), generator=generator)
    return DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True)


def train(net: Net, epochs: int = 2) -> float:
    """The last loss."""
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    total = torch.zeros(())
    for _ in range(epochs):
        net.train()
        for x, y in data():
            optimizer.zero_grad(set_to_none=True)
            loss: Tensor = criterion(net(x), y) + 1e-3 * sum(p.pow(2).sum() for p in net.parameters())
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
            optimizer.step()
            total += loss.detach()
        schedule.step()
    return float(total)


def evaluate(net: nn.Module) -> float:
    """The share of right answers."""
    net.eval()
    right, count = 0, 0
    with torch.no_grad():
        for x, y in data():
            right += int((net(x).argmax(dim=1) == y).sum().item())
            count += y.size(0)
    return right / count


def save_and_load(net: Net) -> None:
    """Through a file and back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.pt"
        torch.save({"net": net.state_dict(), "epoch": 2}, path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(found["net"])
    net.to(torch.device("cpu"), dtype=torch.float64).to(torch.float32)


def check_tensors(x: Tensor) -> None:
    """What functions and methods return.    x: (3, 4)"""
    assert_type(x + 1, Tensor)
    assert_type(2.5 * x - x / 3, Tensor)
    assert_type(1 - x, Tensor)
    assert_type(2 ** x, Tensor)
    assert_type(x.t() @ x, Tensor)
    assert_type(-x, Tensor)
    assert_type(x > 0, Tensor)
    assert_type(x == 1, Tensor)
    assert_type(~(x > 0) & (x < 1), Tensor)
    assert_type(x[0], Tensor)
    assert_type(x[:, None, ..., ::2], Tensor)
    assert_type(x[x > 0], Tensor)
    assert_type(x.shape, torch.Size)
    assert_type(x.shape[0], int)
    assert_type(x.size(), torch.Size)
    assert_type(x.size(0), int)
    assert_type(x.dtype, torch.dtype)
    assert_type(x.device, torch.device)
    assert_type(x.layout, torch.layout)
    assert_type(x.grad, Tensor | None)
    assert_type(x.requires_grad, bool)
    assert_type(x.is_leaf, bool)
    assert_type(x.data, Tensor)
    assert_type(x.T, Tensor)
    assert_type(x.mT.real, Tensor)
    assert_type(x.is_cuda, bool)
    assert_type(x.max(), Tensor)
    assert_type(x.max(1), return_types.max)
    assert_type(x.max(dim=1, keepdim=True).values, Tensor)
    assert_type(torch.max(x, x), Tensor)
    assert_type(torch.topk(x, 2).indices, Tensor)
    values, order = x.sort(descending=True)
    assert_type((values, order), tuple[Tensor, Tensor])
    assert_type(x.mean(dim=(0, 1)), Tensor)
    assert_type(x.sum(0, keepdim=True, dtype=torch.float64), Tensor)
    assert_type(x.view(-1).reshape(2, 6).permute(1, 0).expand((6, 2)), Tensor)
    assert_type(x.view(torch.int32), Tensor)
    assert_type(x.split(2), tuple[Tensor, ...])
    assert_type(x.to("cpu", torch.float64).to(x).to(torch.float32), Tensor)
    assert_type(x.clone().add_(1, alpha=2).mul_(x).clamp_(min=0), Tensor)
    assert_type(x.numel(), int)
    assert_type(x.tolist(), Any)
    assert_type(x.nonzero(), Tensor)
    assert_type(x.nonzero(as_tuple=True), tuple[Tensor, ...])


def check_functions(x: Tensor) -> None:
    """What the functions of each namespace return.    x: (3, 4)"""
    out = torch.empty(3, 4)
    assert_type(torch.add(x, 1, out=out), Tensor)
    assert_type(torch.sort(x, dim=1, out=(torch.empty(0), torch.empty(0, dtype=torch.int64))), return_types.sort)
    assert_type(torch.zeros(2, 3, dtype=torch.int64, device="cpu"), Tensor)
    assert_type(torch.ones((2, 3)), Tensor)
    assert_type(torch.cat([x, x], dim=0), Tensor)
    assert_type(torch.stack((x, x)), Tensor)
    assert_type(torch.where(x > 0, x, 0), Tensor)
    assert_type(torch.where(x > 0), tuple[Tensor, ...])
    assert_type(torch.einsum("ij,kj->ik", x, x), Tensor)
    assert_type(torch.meshgrid(x[0], x[1], indexing="ij"), tuple[Tensor, ...])
    assert_type(torch.clamp(x, min=0, max=1), Tensor)
    assert_type(torch.linspace(0, 1, 5), Tensor)
    assert_type(torch.tensor([[1, 2], [3, 4]], requires_grad=False), Tensor)
    assert_type(torch.linalg.svd(x).S, Tensor)
    assert_type(torch.linalg.norm(x, ord=2), Tensor)
    assert_type(torch.fft.rfft(x, n=8), Tensor)
    assert_type(torch.special.expit(x), Tensor)
    assert_type(torch.unique(x), Tensor)
    assert_type(torch.float32, torch.dtype)
    assert_type(torch.is_tensor(x), bool)
    assert_type(torch.pi, float)
    assert_type(F.max_pool2d(x[None], 2), Tensor)
    assert_type(F.max_pool2d(x[None], 2, return_indices=True), tuple[Tensor, Tensor])
    assert_type(F.cross_entropy(x, torch.tensor([0, 1, 2]), reduction="sum"), Tensor)
    assert_type(F.relu(x, inplace=False), Tensor)
    assert_type(F.softmax(x, dim=-1), Tensor)
    assert_type(nn.Parameter(x).detach(), Tensor)
    assert_type(torch.nn.init.zeros_(torch.empty(2)), Tensor)


def wrong(x: Tensor) -> None:
    """What a type checker must refuse; never called."""
    x.no_such_method()                                       # type: ignore[attr-defined]
    torch.no_such_function(x)                                # type: ignore[attr-defined]
    F.no_such_function(x)                                    # type: ignore[attr-defined]
    torch.sin()                                              # type: ignore[call-arg]
    torch.sin("x")                                           # type: ignore[arg-type]
    torch.cat([x], dimension=0)                              # type: ignore[call-arg]
    x.softmax(dim="rows")                                    # type: ignore[arg-type]
    x.sum(no_such_argument=1)                                # type: ignore[call-arg]
    x + "1"                                                  # type: ignore[operator]
    x @ 2                                                    # type: ignore[operator]
    x.matmul(2)                                              # type: ignore[arg-type]
    x.shape = torch.Size((1, 2))                             # type: ignore[misc]
    torch.zeros(2, dtype="float32")                          # type: ignore[arg-type]
    x.max(1).no_such_field                                   # type: ignore[attr-defined]
    x.grad.zero_()                                           # type: ignore[union-attr]


if __name__ == "__main__":
    torch.manual_seed(0)
    model = Net()
    train(model)
    evaluate(model)
    save_and_load(model)
    check_tensors(torch.randn(3, 4))
    check_functions(torch.randn(3, 4))
