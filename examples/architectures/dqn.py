"""A deep Q-network (Mnih et al. 2015) learns to balance a pole on a cart (Barto, Sutton & Anderson 1983).

It acts epsilon-greedily, learns from a replay memory, and takes its targets from a copy of itself that follows now and then.
"""
import torch
from torch import nn

import math
import random
from collections import deque
from collections.abc import Iterator

BATCH, MEMORY, DISCOUNT = 32, 1000, 0.98
ACTIONS_PER_STEP, FOLLOW_EVERY = 6, 4


class CartPole:
    """A cart on a track, pushed left (0) or right (1), with a pole that must not fall.  One point for each moment that it stands."""
    gravity, cart, pole, half_length, force, moment = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.state: list[float] = []

    def reset(self) -> list[float]:
        """Begin again, with the pole nearly upright: position, speed, angle, angular speed."""
        self.state = [self.chance.uniform(-0.05, 0.05) for _ in range(4)]
        return self.state

    def step(self, action: int) -> tuple[list[float], float, bool]:
        """The next state, the reward, and whether the pole has fallen or the cart has left the track."""
        x, speed, angle, turning = self.state
        sine, cosine, mass = math.sin(angle), math.cos(angle), self.cart + self.pole
        push = (self.force * (2 * action - 1) + self.pole * self.half_length * turning ** 2 * sine) / mass
        turn = (self.gravity * sine - cosine * push) / (self.half_length * (4 / 3 - self.pole * cosine ** 2 / mass))
        pull = push - self.pole * self.half_length * turn * cosine / mass
        self.state = [x + self.moment * speed, speed + self.moment * pull, angle + self.moment * turning, turning + self.moment * turn]
        return self.state, 1.0, abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.21


class QNetwork(nn.Module):
    """The value of each action, as the state's worth plus the action's advantage (Wang et al. 2016): (N, 4) -> (N, 2)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.worth, self.advantage = nn.Linear(width, 1), nn.Linear(width, 2)

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        hidden = self.body(state)
        advantage = self.advantage(hidden)
        return self.worth(hidden) + advantage - advantage.mean(dim=-1, keepdim=True)


def act(network: QNetwork, state: list[float], epsilon: float, chance: random.Random) -> int:
    """Any action with probability epsilon, otherwise the best."""
    if chance.random() < epsilon:
        return chance.randrange(2)
    with torch.no_grad():
        return network(torch.tensor(state)).argmax().item()


def loss_of(network: QNetwork, target: QNetwork, memories: list[tuple]) -> torch.Tensor:
    """How far the values are from the rewards and what follows; one network picks the next action, the other says its value (van Hasselt et al. 2016)."""
    states, actions, rewards, following, fallen = (torch.tensor(column) for column in zip(*memories))
    values = network(states).gather(1, actions.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        best = network(following).argmax(dim=1, keepdim=True)
        goals = rewards + DISCOUNT * target(following).gather(1, best).squeeze(1) * ~fallen
    return nn.functional.smooth_l1_loss(values, goals)


def train(steps: int) -> Iterator[float]:
    """The loss of each step, between which the network plays on."""
    torch.manual_seed(0)
    chance = random.Random(0)
    game = CartPole(chance)
    network, target = QNetwork(), QNetwork()
    target.load_state_dict(network.state_dict())
    target.requires_grad_(False)
    optimizer = torch.optim.RMSprop(network.parameters(), lr=5e-4)
    memory: deque[tuple] = deque(maxlen=MEMORY)
    state = game.reset()
    for step in range(-10, steps):                           # before step 0 it only plays
        epsilon = 1.0 if step < 0 else max(0.05, 0.4 * 0.95 ** step)
        for _ in range(ACTIONS_PER_STEP):
            action = act(network, state, epsilon, chance)
            following, reward, fallen = game.step(action)
            memory.append((state, action, reward, following, fallen))
            state = game.reset() if fallen else following
        if step < 0:
            continue
        loss = loss_of(network, target, chance.sample(memory, BATCH))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), 1.0)
        optimizer.step()
        if step % FOLLOW_EVERY == 0:
            target.load_state_dict(network.state_dict())
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
