"""A multilayer perceptron on scikit-learn's digits.

With a dataset class of one's own, random_split, a collate function, momentum and weight decay, a learning-rate schedule, saving and loading.
"""
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split

import argparse
import pathlib

from digit_data import digits


class FlatDigits(Dataset):
    """The digits as pairs of 64 numbers and a label."""

    def __init__(self) -> None:
        images, self.labels = digits()
        self.rows = images.flatten(1)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.rows[index], int(self.labels[index])


def collate(samples: list[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows centred around zero, and labels."""
    rows, labels = zip(*samples)
    return torch.stack(rows) - 0.5, torch.tensor(labels)


@torch.no_grad()
def accuracy(model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    correct = sum((model(rows).argmax(dim=1) == labels).sum().item() for rows, labels in loader)
    return correct / len(loader.dataset)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=0, help="worker processes that load the data")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/digits_mlp"))
    parser.add_argument("--quick", action="store_true", help="two epochs")
    args = parser.parse_args()
    epochs = 2 if args.quick else args.epochs
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(1)
    training, validation, test = random_split(FlatDigits(), [1297, 200, 300], generator=torch.Generator().manual_seed(1))
    loader = DataLoader(training, 50, shuffle=True, drop_last=True, collate_fn=collate, num_workers=args.workers)
    validation_loader, test_loader = DataLoader(validation, 100, collate_fn=collate), DataLoader(test, 100, collate_fn=collate)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.5)

    for epoch in range(epochs):
        model.train()
        total = 0.0
        for rows, labels in loader:
            loss = loss_fn(model(rows), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        lr, correct = optimizer.param_groups[0]["lr"], accuracy(model, validation_loader)
        print(f"epoch {epoch}  lr {lr:g}  loss {total / len(loader):.4f}  validation accuracy {correct:.2f}")
        scheduler.step()

    path = args.out / "model.pth"
    torch.save(model.state_dict(), path)
    again = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    again.load_state_dict(torch.load(path))
    print(f"test accuracy {accuracy(model, test_loader):.2f}, after saving and loading {accuracy(again, test_loader):.2f}")


if __name__ == "__main__":
    main()
