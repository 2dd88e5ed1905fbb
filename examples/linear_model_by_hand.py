"""What does a thermometer in unknown units say in degrees Celsius? One linear model fitted in five ways.

By derivatives written by hand, by autograd, by an optimizer, with held-out readings to watch for overfitting, and by torch.nn with a hidden layer.
"""
import torch
import torch.nn as nn
import torch.optim as optim

import argparse
from collections.abc import Callable

CELSIUS = torch.tensor([0.5, 14.0, 15.0, 28.0, 11.0, 8.0, 3.0, -4.0, 6.0, 13.0, 21.0])
UNKNOWN = torch.tensor([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4])


def line(t: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return w * t + b


def mean_square(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return ((prediction - target) ** 2).mean()


def report(epoch: int, epochs: int, text: Callable[[], str]) -> None:
    """Five lines per training, and the first."""
    if epoch == 1 or epoch % (epochs // 5) == 0:
        print(f"epoch {epoch}  {text()}")


def by_derivatives(epochs: int, lr: float) -> torch.Tensor:
    params = torch.tensor([1.0, 0.0])
    t = 0.1 * UNKNOWN
    for epoch in range(1, epochs + 1):
        w, b = params
        error = line(t, w, b) - CELSIUS
        loss = (error**2).mean()
        gradient = torch.stack([(2 * error * t).mean(), (2 * error).mean()])
        params = params - lr * gradient
        report(epoch, epochs, lambda: f"loss {loss:.4f}  params {params}  gradient {gradient}")
    return params


def by_autograd(epochs: int, lr: float) -> torch.Tensor:
    params = torch.tensor([1.0, 0.0], requires_grad=True)
    t = 0.1 * UNKNOWN
    for epoch in range(1, epochs + 1):
        if params.grad is not None:
            params.grad.zero_()
        loss = mean_square(line(t, *params), CELSIUS)
        loss.backward()
        with torch.no_grad():
            params -= lr * params.grad
        report(epoch, epochs, lambda: f"loss {loss.item():f}")
    return params


def by_optimizer(epochs: int, t: torch.Tensor, make: Callable[[list[torch.Tensor]], optim.Optimizer]) -> torch.Tensor:
    params = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = make([params])
    for epoch in range(1, epochs + 1):
        loss = mean_square(line(t, *params), CELSIUS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(epoch, epochs, lambda: f"loss {loss.item():f}")
    return params


def held_out(epochs: int, lr: float) -> None:
    """Two of the eleven readings are kept for validation; the graph is not built for them."""
    shuffled = torch.randperm(len(CELSIUS))
    training, validation = shuffled[:-2], shuffled[-2:]
    print("training", training.tolist(), "validation", validation.tolist())
    params = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = optim.SGD([params], lr=lr)
    for epoch in range(1, epochs + 1):
        loss = mean_square(line(0.1 * UNKNOWN[training], *params), CELSIUS[training])
        with torch.no_grad():
            validation_loss = mean_square(line(0.1 * UNKNOWN[validation], *params), CELSIUS[validation])
            assert not validation_loss.requires_grad
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(epoch, epochs, lambda: f"training loss {loss.item():.4f}  validation loss {validation_loss.item():.4f}")


def by_network(epochs: int) -> None:
    t, target = 0.1 * UNKNOWN.unsqueeze(1), CELSIUS.unsqueeze(1)
    model = nn.Sequential(nn.Linear(1, 13), nn.Tanh(), nn.Linear(13, 1))
    print(model)
    for name, param in model.named_parameters():
        print(name, param.shape)
    optimizer, loss_fn = optim.SGD(model.parameters(), lr=1e-3), nn.MSELoss()
    for epoch in range(1, epochs + 1):
        loss = loss_fn(model(t), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(epoch, epochs, lambda: f"loss {loss.item():.4f}")
    print("prediction", model(t).squeeze(1).detach())
    print("truth     ", CELSIUS)
    print("gradient of the first weights", model[0].weight.grad.squeeze(1)[:4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5000)
    parser.add_argument("--quick", action="store_true", help="300 epochs")
    args = parser.parse_args()
    epochs = 300 if args.quick else args.epochs
    torch.manual_seed(1)
    print("derivatives by hand:", by_derivatives(epochs, 1e-2))
    print("autograd:", by_autograd(epochs, 1e-2))
    print("SGD:", by_optimizer(epochs, 0.1 * UNKNOWN, lambda params: optim.SGD(params, lr=1e-2)))
    print("Adam, unscaled input:", by_optimizer(epochs, UNKNOWN, lambda params: optim.Adam(params, lr=1e-1)))
    held_out(epochs, 1e-2)
    by_network(epochs)


if __name__ == "__main__":
    main()
