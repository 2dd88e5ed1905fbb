"""A hidden Markov model in log space: forward, backward, Viterbi, posteriors, and the likelihood's gradient as expected counts."""
import torch

start = torch.tensor([0.6, 0.4]).log()
move = torch.tensor([[0.7, 0.3], [0.4, 0.6]]).log().requires_grad_()
emit = torch.tensor([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]]).log()
seen = torch.tensor([0, 1, 2, 2, 1, 0, 0, 2])


def forward(seen: torch.Tensor) -> torch.Tensor:
    """log p(seen up to t, state at t): (T, S)."""
    alphas = [start + emit[:, seen[0]]]
    for symbol in seen[1:]:
        alphas.append(torch.logsumexp(alphas[-1][:, None] + move, dim=0) + emit[:, symbol])
    return torch.stack(alphas)


def backward(seen: torch.Tensor) -> torch.Tensor:
    """log p(seen after t | state at t): (T, S)."""
    betas = [torch.zeros(2)]
    for symbol in reversed(seen[1:].tolist()):
        betas.insert(0, torch.logsumexp(move + emit[:, symbol] + betas[0], dim=1))
    return torch.stack(betas)


def viterbi(seen: torch.Tensor) -> tuple[list[int], float]:
    """The likeliest path and its log probability."""
    best, pointers = start + emit[:, seen[0]], []
    for symbol in seen[1:]:
        best, pointer = (best[:, None] + move).max(dim=0)
        best = best + emit[:, symbol]
        pointers.append(pointer)
    path = [best.argmax().item()]
    for pointer in reversed(pointers):
        path.append(pointer[path[-1]].item())
    return path[::-1], best.max().item()


alpha, beta = forward(seen), backward(seen)
likelihood = alpha[-1].logsumexp(0)
print(f"log likelihood {likelihood.item():.6f}")
print("the same at every time:", torch.allclose(torch.logsumexp(alpha + beta, dim=1), likelihood))
print(torch.softmax(alpha + beta, dim=1).detach())
path, score = viterbi(seen)
print("path", path, f"{score:.5f}")

every = torch.cartesian_prod(*[torch.arange(2)] * len(seen))
joint = start[every[:, 0]] + emit[every, seen].sum(1) + move[every[:, :-1], every[:, 1:]].sum(1)
print(len(every), "paths:", torch.allclose(joint.logsumexp(0), likelihood), every[joint.argmax()].tolist() == path)

likelihood.backward()
print("expected moves", move.grad, move.grad.sum())
print("new estimate", move.grad / move.grad.sum(1, keepdim=True))
weights, vectors = torch.linalg.eig(move.exp().detach().T)
resting = vectors[:, weights.real.argmax()].real
print("long run", resting / resting.sum())
