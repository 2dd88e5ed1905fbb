"""y = 3x² + 2 with noise, fitted by gradient descent in NumPy with a gradient derived by hand, which is first compared with autograd's."""
import torch

import argparse

import numpy as np


def gradients(x: np.ndarray, y: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of ½ Σ (w x² + b - y)² by w and by b."""
    error = w * x**2 + b - y
    return (error * x**2).sum(), error.sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=800)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--quick", action="store_true", help="no difference here: it is quick")
    args = parser.parse_args()

    np.random.seed(100)
    x = np.linspace(-1, 1, 100).reshape(100, 1)
    y = 3 * x**2 + 2 + 0.2 * np.random.rand(100, 1)
    w, b = np.random.rand(1, 1), np.random.rand(1, 1)

    w_tensor, b_tensor = torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True)
    (0.5 * (w_tensor * torch.from_numpy(x) ** 2 + b_tensor - torch.from_numpy(y)) ** 2).sum().backward()
    by_hand = gradients(x, y, w, b)
    print(f"first gradient by hand      {by_hand[0]:.6f} {by_hand[1]:.6f}")
    print(f"first gradient by autograd  {w_tensor.grad.item():.6f} {b_tensor.grad.item():.6f}")

    for iteration in range(args.iterations):
        grad_w, grad_b = gradients(x, y, w, b)
        w -= args.lr * grad_w
        b -= args.lr * grad_b
        if iteration % 200 == 0:
            print(f"iteration {iteration}  loss {0.5 * ((w * x**2 + b - y) ** 2).sum():.4f}")
    print(w, b)


if __name__ == "__main__":
    main()
