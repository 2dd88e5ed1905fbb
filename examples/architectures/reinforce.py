"""REINFORCE (Williams 1992) with a learned baseline: an agent finds its way to a goal on a grid.

Several episodes of fixed length run side by side; the gradient raises the probability of actions that went better than expected.
"""
import torch
from torch import nn
from torch.distributions import Categorical

from collections.abc import Iterator

SIZE, EPISODES, LENGTH, DISCOUNT = 5, 24, 10, 0.9
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])


class Grid:
    """A square of SIZE by SIZE places with the goal in a corner; the nearer the goal, the higher the reward."""

    def __init__(self, episodes: int) -> None:
        self.episodes = episodes
        self.places = torch.empty(0)

    def reset(self) -> torch.Tensor:
        """Put the agents anywhere: what they see, (N, 2 SIZE)."""
        self.places = torch.randint(SIZE, (self.episodes, 2))
        return self.seen()

    def seen(self) -> torch.Tensor:
        """The row and the column of each agent, each as a one-hot vector: (N, 2 SIZE)."""
        return nn.functional.one_hot(self.places, SIZE).flatten(1).float()

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Move the agents, as far as the walls let them: what they see then, and their rewards (N)."""
        self.places = (self.places + MOVES[actions]).clamp(0, SIZE - 1)
        away = (SIZE - 1 - self.places).sum(dim=1)
        return self.seen(), 1.0 - away / (2 * SIZE - 2)


class Agent(nn.Module):
    """Scores of the moves (N, 4), and what return is expected (N), by what the agent sees."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2 * SIZE, width), nn.Tanh())
        self.policy, self.expected = nn.Linear(width, len(MOVES)), nn.Linear(width, 1)
        self.apply(self.initialise)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.orthogonal_(module.weight, gain=0.5)
            nn.init.zeros_(module.bias)

    def forward(self, seen: torch.Tensor) -> tuple[Categorical, torch.Tensor]:
        hidden = self.body(seen)
        return Categorical(logits=self.policy(hidden)), self.expected(hidden).squeeze(-1)


def returns_of(rewards: list[torch.Tensor]) -> torch.Tensor:
    """The discounted sum of the rewards from each moment on: (LENGTH, N)."""
    total, returns = torch.zeros_like(rewards[0]), []
    for reward in reversed(rewards):
        total = reward + DISCOUNT * total
        returns.append(total)
    return torch.stack(returns[::-1])


def train(steps: int) -> Iterator[float]:
    """The loss of each step."""
    torch.manual_seed(0)
    grid, agent = Grid(EPISODES), Agent()
    optimizer = torch.optim.Adam([{"params": agent.body.parameters()}, {"params": agent.policy.parameters()},
                                  {"params": agent.expected.parameters(), "lr": 2e-2}], lr=1e-2)
    for step in range(steps):
        seen = grid.reset()
        chosen, expected, rewards, entropies = [], [], [], []
        for _ in range(LENGTH):
            moves, value = agent(seen)
            action = moves.sample()
            seen, reward = grid.step(action)
            chosen.append(moves.log_prob(action))
            expected.append(value)
            rewards.append(reward)
            entropies.append(moves.entropy())
        returns, values = returns_of(rewards), torch.stack(expected)
        advantage = (returns - values).detach()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        policy_loss = -(torch.stack(chosen) * advantage).mean()
        value_loss = nn.functional.mse_loss(values, returns)
        loss = policy_loss + 0.5 * value_loss - 0.01 * torch.stack(entropies).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
        optimizer.step()
        yield loss.item()
        if step % 5 == 0:
            print(f"         mean reward {torch.stack(rewards).mean().item():.4f}")


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
