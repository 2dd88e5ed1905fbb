"""y = 3x² + 2 with noise, fitted with tensors and autograd: the gradients come from backward(), the update is written by hand."""
import torch

import argparse
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first


def draw(path: pathlib.Path, x: torch.Tensor, y: torch.Tensor, prediction: torch.Tensor) -> None:
    """The noisy points and the fitted curve."""
    figure, axes = plt.subplots()
    axes.scatter(x.numpy(), y.numpy(), s=10, label="data")
    axes.plot(x.numpy(), prediction.detach().numpy(), color="red", label="fit")
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=800)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/quadratic_regression"))
    parser.add_argument("--quick", action="store_true", help="no difference here: it is quick")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(100)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = 3 * x.pow(2) + 2 + 0.2 * torch.rand(x.size())
    w = torch.randn(1, 1, requires_grad=True)
    b = torch.zeros(1, 1, requires_grad=True)

    for iteration in range(args.iterations):
        prediction = x.pow(2).mm(w) + b
        loss = (0.5 * (prediction - y) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            w -= args.lr * w.grad
            b -= args.lr * b.grad
            w.grad.zero_()
            b.grad.zero_()
        if iteration % 200 == 0:
            print(f"iteration {iteration}  loss {loss.item():.4f}")
    print(w, b)
    draw(args.out / "autograd.png", x, y, prediction)
    print(f"wrote {args.out / 'autograd.png'}")


if __name__ == "__main__":
    main()
