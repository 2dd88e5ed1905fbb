"""Cellular automata: Life by rolls, by convolution and by unfold, and rule 110 by a table look-up."""
import torch
import torch.nn.functional as F

GLIDER = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=torch.uint8)


def by_rolls(board: torch.Tensor) -> torch.Tensor:
    """One generation on a torus, from eight shifted boards."""
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    count = sum(board.roll(shift, dims=(0, 1)) for shift in shifts)
    return ((count == 3) | ((count == 2) & (board == 1))).to(board.dtype)


def by_convolution(board: torch.Tensor) -> torch.Tensor:
    """The neighbours counted by a 3 x 3 kernel on a board padded round."""
    kernel = torch.ones(1, 1, 3, 3)
    kernel[..., 1, 1] = 0
    count = F.conv2d(F.pad(board[None, None].float(), (1, 1, 1, 1), mode="circular"), kernel)[0, 0]
    return torch.logical_or(count == 3, torch.logical_and(count == 2, board.bool())).to(board.dtype)


def by_windows(board: torch.Tensor) -> torch.Tensor:
    """The same, from all 3 x 3 windows."""
    around = F.pad(board[None].float(), (1, 1, 1, 1), mode="circular")[0].unfold(0, 3, 1).unfold(1, 3, 1)
    count = around.sum(dim=(2, 3)) - board
    return torch.where(board > 0, (count == 2) | (count == 3), count == 3).to(board.dtype)


board = torch.zeros(8, 8, dtype=torch.uint8)
board[1:4, 1:4] = GLIDER
start = board.clone()
for generation in range(4):
    board = by_rolls(board)
    print(f"generation {generation + 1}: alive at", board.nonzero().tolist())
print("a glider moves by (1, 1):", torch.equal(board, start.roll((1, 1), (0, 1))), board.dtype)

torch.manual_seed(9)
board = (torch.rand(16, 16) < 0.4).to(torch.uint8)
alive = [board.sum().item()]
for _ in range(12):
    following = by_rolls(board)
    assert torch.equal(following, by_convolution(board)) and torch.equal(following, by_windows(board))
    board = following
    alive.append(board.sum().item())
print("population", alive)
print("\n".join("".join(".#"[cell] for cell in row) for row in board.tolist()))

table = torch.tensor([110 >> i & 1 for i in range(8)])
row = torch.zeros(40, dtype=torch.long)
row[-2] = 1
for _ in range(16):
    print("".join(" *"[cell] for cell in row))
    row = table[4 * row.roll(1) + 2 * row + row.roll(-1)]
