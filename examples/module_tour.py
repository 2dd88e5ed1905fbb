"""A tour of torch.nn: layers, containers, modules of one's own, parameters and buffers, modes, hooks, state dicts."""
import torch
import torch.nn as nn

import argparse
import pathlib


class Pipe(nn.Module):
    """A classifier with dropout and probabilities as its result: (N, num_inputs) -> (N, num_classes)."""

    def __init__(self, num_inputs: int, num_classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.pipe = nn.Sequential(
            nn.Linear(num_inputs, 5), nn.ReLU(), nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, num_classes), nn.Dropout(p=dropout), nn.Softmax(dim=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pipe(x)


class Residual(nn.Module):
    """x + branch(x), scaled by a learnt gate, counting its calls in a buffer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.ModuleDict({"up": nn.Linear(width, 2 * width), "down": nn.Linear(2 * width, width, bias=False)})
        self.gate = nn.Parameter(torch.full((1,), 0.5))
        self.register_buffer("calls", torch.tensor(0))
        self.register_parameter("unused", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x + self.gate * self.branch["down"](torch.tanh(self.branch["up"](x)))


def layers() -> None:
    print("== Layers ==")
    torch.manual_seed(1)
    linear = nn.Linear(2, 5)
    print(linear, linear(torch.FloatTensor([[1, 2]])))
    print(nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False))
    print(nn.ReLU(inplace=True), nn.LeakyReLU(0.2), nn.Softmax(dim=1), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5))
    print(nn.Embedding(10, 3)(torch.tensor([1, 1, 9])))
    print(nn.BatchNorm1d(2)(torch.tensor([[1.0, 2.0], [3.0, 6.0]])), nn.LayerNorm(3)(torch.tensor([1.0, 2.0, 4.0])))
    x, target = torch.tensor([[0.2, 0.8], [1.5, -0.5]]), torch.tensor([1, 0])
    print(nn.CrossEntropyLoss()(x, target), nn.NLLLoss()(x.log_softmax(1), target))
    print(nn.MSELoss()(x, x.flip(0)), nn.L1Loss(reduction="sum")(x, x.flip(0)))
    print(nn.BCELoss()(x[0], x[0].round()), nn.BCEWithLogitsLoss()(x[1], x[0].round()))


def containers() -> nn.Module:
    print("== Containers ==")
    torch.manual_seed(1)
    net = Pipe(num_inputs=2, num_classes=3)
    net.eval()
    print(net)
    print(net(torch.FloatTensor([[2, 3]])))
    print(net.pipe[0], len(net.pipe), net.pipe[-1], net.pipe[2:4])
    blocks = nn.ModuleList([Residual(4) for _ in range(2)])
    blocks.append(nn.Identity())
    print(blocks)
    return net


def parameters(net: nn.Module) -> None:
    print("== Parameters ==")
    for name, value in net.named_parameters():
        print(f"{name:16} {tuple(value.shape)}  requires_grad {value.requires_grad}")
    print("children", [name for name, _ in net.named_children()], "modules", sum(1 for _ in net.modules()))
    print(sum(p.numel() for p in net.parameters() if p.requires_grad), "numbers to learn")
    for p in net.pipe[0].parameters():
        p.requires_grad_(False)
    print(sum(p.numel() for p in net.parameters() if p.requires_grad), "with the first layer frozen")

    @torch.no_grad()
    def initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.1)
            nn.init.zeros_(module.bias)

    net.apply(initialise)
    net(torch.ones(1, 2))[0, 0].backward()
    print(net.pipe[0].weight.grad, net.pipe[4].bias.grad)
    net.zero_grad()
    print(net.pipe[4].bias.grad)


def modes_and_buffers() -> None:
    print("== Modes and buffers ==")
    torch.manual_seed(1)
    dropout = nn.Dropout(0.5)
    print(dropout(torch.ones(8)), dropout.eval()(torch.ones(8)))
    norm = nn.BatchNorm1d(2)
    norm(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    print(norm.running_mean, norm.running_var, norm.num_batches_tracked, norm.training)
    block = Residual(3)
    for _ in range(3):
        block(torch.zeros(1, 3))
    print(block.calls, [name for name, _ in block.named_buffers()], dict(block.named_parameters()).keys())


def hooks() -> None:
    print("== Hooks ==")
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
    shapes = []

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        shapes.append((type(module).__name__, tuple(output.shape)))

    handles = [layer.register_forward_hook(note) for layer in model]
    handles.append(model[2].register_full_backward_hook(lambda module, grads_in, grads_out: print("gradient at the last layer", grads_out[0])))
    model(torch.ones(1, 2)).sum().backward()
    print(shapes)
    for handle in handles:
        handle.remove()
    model(torch.ones(1, 2))
    print(len(shapes))


def state(folder: pathlib.Path) -> None:
    print("== State dicts ==")
    torch.manual_seed(1)
    block, other = Residual(2), Residual(2)
    for name, value in block.state_dict().items():
        print(name, value)
    print(other.load_state_dict(block.state_dict()))
    torch.save(block.state_dict(), folder / "block.pth")
    loaded = torch.load(folder / "block.pth")
    print(all(torch.equal(a, b) for a, b in zip(loaded.values(), other.state_dict().values())))
    del loaded["gate"]
    print(other.load_state_dict(loaded, strict=False))
    try:
        other.load_state_dict(loaded)
    except RuntimeError as error:
        print("RuntimeError:", error)
    try:
        nn.Linear(2, 3)(torch.ones(1, 4))
    except RuntimeError as error:
        print("RuntimeError:", error)
    print(block.double().gate.dtype, block.to(torch.float32).gate.dtype)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/module_tour"))
    parser.add_argument("--quick", action="store_true", help="no difference here: it is quick")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    layers()
    parameters(containers())
    modes_and_buffers()
    hooks()
    state(args.out)


if __name__ == "__main__":
    main()
