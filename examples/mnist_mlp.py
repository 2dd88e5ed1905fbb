"""A multilayer perceptron 784-32-16-10 on MNIST's handwritten digits (--data: a folder with the four idx files), or on scikit-learn's, enlarged."""
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

import argparse
import time

from digit_data import train_and_test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder with MNIST's idx files, gzipped or not")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quick", action="store_true", help="two epochs on at most 2,000 images")
    args = parser.parse_args()
    device = torch.device(args.device)
    epochs = 2 if args.quick else args.epochs
    x_train, y_train, x_test, y_test = train_and_test(args.data)
    if args.quick:
        x_train, y_train = x_train[:2000], y_train[:2000]

    torch.manual_seed(1)
    loader = DataLoader(TensorDataset(x_train, y_train), args.batch_size, shuffle=True)
    sizes = [28 * 28, 32, 16]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(sizes[-1], 10)).to(device)
    print(model)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    torch.manual_seed(1)
    for epoch in range(epochs):
        start = time.perf_counter()
        correct = 0
        for x_batch, y_batch in loader:
            x_batch, y_batch = x_batch.to(device), y_batch.to(device)
            prediction = model(x_batch)
            loss = loss_fn(prediction, y_batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            correct += (torch.argmax(prediction, dim=1) == y_batch).float().sum()
        correct /= len(loader.dataset)
        print(f"Epoch {epoch}  Accuracy {correct:.4f}  last loss {loss.item():.4f}")
        print(f"  {len(loader) / (time.perf_counter() - start):.0f} steps/s")

    with torch.no_grad():
        prediction = model(x_test.to(device)).cpu()
    print(f"Test accuracy: {(torch.argmax(prediction, dim=1) == y_test).float().mean():.4f}")


if __name__ == "__main__":
    main()
