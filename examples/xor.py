"""The XOR problem: is a point of the square in a quadrant where both coordinates have one sign?

A single layer cannot tell. Two hidden layers can, as an nn.Sequential and as an nn.Module; so can a network whose first layer is written by hand
and adds noise while it trains. For each there is a picture with its losses, accuracies and decision regions.
"""
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

import argparse
import pathlib
from typing import NamedTuple

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first


class History(NamedTuple):
    """One number per epoch."""

    train_loss: list[float]
    valid_loss: list[float]
    train_accuracy: list[float]
    valid_accuracy: list[float]


class ListModule(nn.Module):
    """Two hidden layers of four, kept in a ModuleList: (N, 2) -> (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.module_list = nn.ModuleList([nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.module_list:
            x = layer(x)
        return x


class NoisyLinear(nn.Module):
    """(x + noise) w + b while training, x w + b otherwise.    (N, input_size) -> (N, output_size)"""

    def __init__(self, input_size: int, output_size: int, noise_stddev: float = 0.1) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.Tensor(input_size, output_size))
        nn.init.xavier_uniform_(self.w)
        self.b = nn.Parameter(torch.Tensor(output_size).fill_(0))
        self.noise_stddev = noise_stddev

    def forward(self, x: torch.Tensor, noisy: bool = False) -> torch.Tensor:
        if noisy:
            x = x + torch.normal(0.0, self.noise_stddev, x.shape)
        return torch.add(torch.mm(x, self.w), self.b)


class NoisyModule(nn.Module):
    """The same network with a noisy first layer; its noise is on in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.l1 = NoisyLinear(2, 4, 0.07)
        self.a1 = nn.ReLU()
        self.l2 = nn.Linear(4, 4)
        self.a2 = nn.ReLU()
        self.l3 = nn.Linear(4, 1)
        self.a3 = nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a1(self.l1(x, self.training))
        return self.a3(self.l3(self.a2(self.l2(x))))


def accuracy(prediction: torch.Tensor, target: torch.Tensor) -> float:
    return ((prediction >= 0.5).float() == target).float().mean().item()


def train(model: nn.Module, lr: float, epochs: int, loader: DataLoader, x_valid: torch.Tensor, y_valid: torch.Tensor) -> History:
    """Plain SGD, a batch at a time, the loss read at every step."""
    loss_fn, optimizer = nn.BCELoss(), torch.optim.SGD(model.parameters(), lr=lr)
    history = History([], [], [], [])
    for _ in range(epochs):
        model.train()
        loss_sum = accuracy_sum = 0.0
        for x_batch, y_batch in loader:
            prediction = model(x_batch)[:, 0]
            loss = loss_fn(prediction, y_batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            loss_sum += loss.item()
            accuracy_sum += accuracy(prediction, y_batch)
        model.eval()
        with torch.no_grad():
            prediction = model(x_valid)[:, 0]
            history.valid_loss.append(loss_fn(prediction, y_valid).item())
        history.valid_accuracy.append(accuracy(prediction, y_valid))
        history.train_loss.append(loss_sum / len(loader))
        history.train_accuracy.append(accuracy_sum / len(loader))
    return history


@torch.no_grad()
def draw(path: pathlib.Path, model: nn.Module, history: History, x: torch.Tensor, y: torch.Tensor) -> None:
    """Losses, accuracies, and the validation points on the model's decision regions."""
    figure, (losses, accuracies, regions) = plt.subplots(1, 3, figsize=(16, 4), layout="constrained")
    losses.plot(history.train_loss, label="training loss")
    losses.plot(history.valid_loss, label="validation loss")
    accuracies.plot(history.train_accuracy, label="training accuracy")
    accuracies.plot(history.valid_accuracy, label="validation accuracy")
    for axes in (losses, accuracies):
        axes.set_xlabel("epoch")
        axes.legend()
    line = torch.linspace(-1.1, 1.1, 100)
    grid = torch.stack([line.repeat(100), line.repeat_interleave(100)], dim=1)
    regions.contourf(line.numpy(), line.numpy(), model(grid)[:, 0].view(100, 100).numpy(), levels=[0, 0.5, 1], alpha=0.3)
    for label, marker in ((0, "o"), (1, "<")):
        chosen = x[y == label].numpy()
        regions.plot(chosen[:, 0], chosen[:, 1], marker, alpha=0.75)
    regions.set(xlabel="$x_1$", ylabel="$x_2$")
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/xor"))
    parser.add_argument("--quick", action="store_true", help="3 epochs")
    args = parser.parse_args()
    epochs = 3 if args.quick else args.epochs
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(1)
    np.random.seed(1)
    x = np.random.uniform(low=-1, high=1, size=(200, 2))
    y = (x[:, 0] * x[:, 1] >= 0).astype(np.float32)
    x_train, x_valid = torch.tensor(x[:100], dtype=torch.float32), torch.tensor(x[100:], dtype=torch.float32)
    y_train, y_valid = torch.tensor(y[:100]), torch.tensor(y[100:])
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=2, shuffle=True)

    torch.manual_seed(1)
    noisy = NoisyLinear(4, 2)
    for training in (True, True, False):
        print(noisy(torch.zeros((1, 4)), training))

    torch.manual_seed(1)
    deep = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())
    single = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    models = {"single": (single, 0.001), "sequential": (deep, 0.015), "module": (ListModule(), 0.015), "noisy": (NoisyModule(), 0.015)}
    for name, (model, lr) in models.items():
        print(model)
        torch.manual_seed(1)
        history = train(model, lr, epochs, loader, x_valid, y_valid)
        for epoch in sorted({0, 1, 2, epochs // 2, epochs - 1}):
            print(f"{name} epoch {epoch}  loss {history.train_loss[epoch]:.4f} {history.valid_loss[epoch]:.4f}"
                  f"  accuracy {history.train_accuracy[epoch]:.2f} {history.valid_accuracy[epoch]:.2f}")
        draw(args.out / f"{name}.png", model, history, x_valid, y_valid)
    print("wrote", *(args.out / f"{name}.png" for name in models))


if __name__ == "__main__":
    main()
