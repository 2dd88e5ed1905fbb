"""Curves for TensorBoard by way of tensorboardX: three functions of an angle, and the loss, the weights and a picture of a small fit.

Look at them with `tensorboard --logdir out/tensorboard_scalars`.
"""
import torch
import torch.nn as nn

import argparse
import pathlib

from tensorboardX import SummaryWriter


def curves(writer: SummaryWriter) -> None:
    angles = torch.arange(-360, 360)
    radians = torch.deg2rad(angles.float())
    for name, function in {"sin": torch.sin, "cos": torch.cos, "tan": torch.tan}.items():
        values = function(radians)
        for angle, value in zip(angles.tolist(), values):
            writer.add_scalar(name, value, angle)
        print(f"{name}: {len(values)} points, the first {values[0].item():.4f}, at 45 degrees {values[405].item():.4f}")


def fit(writer: SummaryWriter, steps: int) -> None:
    """A network learns the sine; its losses, learning rate and weights are logged."""
    torch.manual_seed(1)
    x = torch.linspace(-3, 3, 64).unsqueeze(1)
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)
    for step in range(steps):
        loss = nn.functional.mse_loss(model(x), x.sin())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        writer.add_scalar("fit/loss", loss.item(), step)
        writer.add_scalar("fit/lr", scheduler.get_last_lr()[0], step)
        if step % (steps // 4) == 0:
            writer.add_histogram("fit/first layer", model[0].weight.detach().numpy(), step)
            print(f"step {step}  lr {scheduler.get_last_lr()[0]:.5f}  loss {loss.item():.4f}")
    outer = torch.outer(model[2].weight[0], model[0].weight[:, 0]).detach()
    writer.add_image("fit/weights", ((outer - outer.min()) / (outer.max() - outer.min())).unsqueeze(0), steps)
    writer.add_text("fit/model", str(model), steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/tensorboard_scalars"))
    parser.add_argument("--quick", action="store_true", help="40 steps")
    args = parser.parse_args()
    with SummaryWriter(str(args.out)) as writer:
        curves(writer)
        fit(writer, 40 if args.quick else args.steps)
    files = sorted(args.out.glob("events.out.tfevents.*"))
    print("the newest event file is empty:", files[-1].stat().st_size == 0)


if __name__ == "__main__":
    main()
