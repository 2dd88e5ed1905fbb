"""Trains a small convolutional network on scikit-learn's handwritten digits.

Shows a progress bar, the accuracy of each epoch and the steps per second.
Writes TensorBoard logs and a picture of the loss curves with sample predictions.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

import argparse
import pathlib
import sys
import time

import matplotlib
from tensorboardX import SummaryWriter

from digit_data import digits

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first


class SmallCNN(nn.Module):
    """Two 3x3 convolutions, one pooling, two dense layers: (N, 1, 8, 8) -> (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


def show_progress(epoch: int, done: int, total: int) -> None:
    """One text line on the terminal that is drawn again and again; nothing when the output goes to a file."""
    if sys.stderr.isatty():
        filled = 30 * done // total
        end = "\n" if done == total else ""
        print(f"\repoch {epoch:2d} [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}", end=end, file=sys.stderr, flush=True)


def train_epoch(model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer, device: torch.device, epoch: int) -> float:
    """One pass over the training data; the mean loss."""
    model.train()
    total = 0.0
    for step, (images, labels) in enumerate(loader, start=1):
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
        show_progress(epoch, step, len(loader))
    return total / len(loader)


@torch.no_grad()
def evaluate(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Mean loss and accuracy."""
    model.eval()
    output = model(images)
    return F.cross_entropy(output, labels).item(), (output.argmax(dim=1) == labels).float().mean().item()


@torch.no_grad()
def draw(path: pathlib.Path, model: nn.Module, losses: dict[str, list[float]], images: torch.Tensor, labels: torch.Tensor) -> None:
    """The loss curves, and below them ten test images with what the network takes them for."""
    figure = plt.figure(figsize=(10, 6), layout="constrained")
    grid = figure.add_gridspec(3, 10)
    curves = figure.add_subplot(grid[:2, :])
    for name, values in losses.items():
        curves.plot(range(1, len(values) + 1), values, label=name)
    curves.set(xlabel="epoch", ylabel="cross entropy", yscale="log")
    curves.legend()
    guesses = model(images[:10]).argmax(dim=1).tolist()
    for i, guess in enumerate(guesses):
        axes = figure.add_subplot(grid[2, i])
        axes.imshow(images[i, 0].cpu().numpy(), cmap="gray_r")
        axes.set_title(str(guess), color="black" if guess == labels[i].item() else "red")
        axes.axis("off")
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/train_digits"))
    parser.add_argument("--quick", action="store_true", help="two epochs")
    args = parser.parse_args()
    epochs = 2 if args.quick else args.epochs
    device = torch.device(args.device)
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(1)
    images, labels = digits()
    order = torch.randperm(len(images))
    images, labels = images[order], labels[order]
    loader = DataLoader(TensorDataset(images[:1500], labels[:1500]), args.batch_size, shuffle=True)
    test_images, test_labels = images[1500:].to(device), labels[1500:].to(device)
    model = SmallCNN().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    print(model)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(loader.dataset)} training images, {len(test_labels)} test images")

    losses: dict[str, list[float]] = {"training": [], "test": []}
    with SummaryWriter(str(args.out / "tensorboard")) as writer:
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            train_loss = train_epoch(model, loader, optimizer, device, epoch)
            seconds = time.perf_counter() - start
            test_loss, accuracy = evaluate(model, test_images, test_labels)
            losses["training"].append(train_loss)
            losses["test"].append(test_loss)
            print(f"epoch {epoch:2d}  training loss {train_loss:.4f}  test loss {test_loss:.4f}  test accuracy {accuracy:.4f}")
            print(f"          {len(loader) / seconds:.0f} steps/s")
            writer.add_scalars("loss", {"training": train_loss, "test": test_loss}, epoch)
            writer.add_scalar("accuracy", accuracy, epoch)
    draw(args.out / "training.png", model, losses, test_images, test_labels)
    print(f"wrote {args.out / 'training.png'} and TensorBoard logs in {args.out / 'tensorboard'}")


if __name__ == "__main__":
    main()
