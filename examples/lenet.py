"""LeNet-5 on MNIST (--data: a folder with the four idx files), or on scikit-learn's digits, enlarged to 32x32."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

import argparse
import pathlib
import time

from digit_data import train_and_test


class LeNet(nn.Module):
    """Two convolutions with pooling, three dense layers (LeCun et al. 1998, with ReLU and maxima): (N, 1, 32, 32) -> (N, 10)."""

    def __init__(self) -> None:
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size()[0], -1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder with MNIST's idx files, gzipped or not")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/lenet"))
    parser.add_argument("--quick", action="store_true", help="one epoch on at most 1,500 images")
    args = parser.parse_args()
    device = torch.device(args.device)
    args.out.mkdir(parents=True, exist_ok=True)
    x_train, y_train, x_test, y_test = train_and_test(args.data, side=32)
    if args.quick:
        x_train, y_train = x_train[:1500], y_train[:1500]

    torch.manual_seed(1)
    net = LeNet()
    print(net)
    for name, parameters in net.named_parameters():
        print(name, ":", parameters.size())
    net.to(device)
    out = net(torch.randn(1, 1, 32, 32).to(device))
    net.zero_grad()
    out.backward(torch.ones(1, 10).to(device))
    print(out.shape, f"{net.conv1.weight.grad.norm().item():.4f}")

    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    net.zero_grad()
    for epoch in range(1 if args.quick else args.epochs):
        start, total = time.perf_counter(), 0.0
        for step, (images, labels) in enumerate(loader):
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
            if epoch == 0 and step < 5:
                print(f"step {step}  loss {loss.item():.4f}")
        print(f"epoch {epoch}  loss {total / len(loader):.4f}")
        print(f"  {len(loader) / (time.perf_counter() - start):.0f} steps/s")

    torch.save(net.state_dict(), args.out / "net.pth")
    net2 = LeNet()
    net2.load_state_dict(torch.load(args.out / "net.pth", map_location="cpu"))
    with torch.no_grad():
        guesses = net2(x_test[:1000]).argmax(dim=1)
    print(f"test accuracy of the saved network {(guesses == y_test[:1000]).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
