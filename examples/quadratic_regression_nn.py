"""y = 3x² + 2 with noise, fitted with torch.nn and torch.optim: first the model that knows the formula, then a small network that does not."""
import torch
import torch.nn as nn

import argparse


class Quadratic(nn.Module):
    """w x² + b."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.pow(2))


def fit(model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, iterations: int) -> None:
    """Full-batch training with the mean squared error; prints ten losses."""
    loss_fn = nn.MSELoss()
    for iteration in range(iterations):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration % (iterations // 10) == 0:
            print(f"iteration {iteration}  loss {loss.item():.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="200 iterations")
    args = parser.parse_args()
    iterations = 200 if args.quick else args.iterations

    torch.manual_seed(100)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = 3 * x.pow(2) + 2 + 0.2 * torch.rand(x.size())

    model = Quadratic()
    print(model)
    fit(model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), x, y, iterations)
    print(f"w {model.linear.weight.item():.4f}  b {model.linear.bias.item():.4f}")

    network = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    print(network)
    optimizers = {"RMSprop": torch.optim.RMSprop, "Adagrad": torch.optim.Adagrad, "Adam": torch.optim.Adam}
    start = {name: value.clone() for name, value in network.state_dict().items()}
    for name, make in optimizers.items():
        network.load_state_dict(start)
        print(name)
        fit(network, make(network.parameters(), lr=0.01), x, y, iterations)
    with torch.no_grad():
        print("at -1, 0, 0.5:", network(torch.tensor([[-1.0], [0.0], [0.5]])).squeeze(1).tolist())


if __name__ == "__main__":
    main()
