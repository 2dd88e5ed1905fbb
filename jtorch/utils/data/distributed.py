"""The sampler that gives each of several processes its share of a dataset."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import jtorch as torch

from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every `num_replicas`-th index from `rank` on, shuffled by `seed` and epoch alike in all processes.

    Shares are made equally long by repeating indices from the front, or with `drop_last` by leaving out the end.  Call `set_epoch`
    before each epoch, so that the order changes.
    """

    def __init__(self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True, seed: int = 0,
                 drop_last: bool = False) -> None:
        if (num_replicas is None or rank is None) and not torch.distributed.is_available():   # type: ignore[attr-defined]
            raise RuntimeError("Requires distributed package to be available")
        num_replicas = torch.distributed.get_world_size() if num_replicas is None else num_replicas   # type: ignore[attr-defined]
        rank = torch.distributed.get_rank() if rank is None else rank   # type: ignore[attr-defined]
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank, self.epoch = dataset, num_replicas, rank, 0
        self.shuffle, self.seed, self.drop_last = shuffle, seed, drop_last
        uneven = drop_last and len(dataset) % num_replicas
        self.num_samples = math.ceil((len(dataset) - num_replicas if uneven else len(dataset)) / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def _order(self) -> list[int]:
        if not self.shuffle:
            return list(range(len(self.dataset)))
        generator = torch.Generator()
        generator.manual_seed(self.seed + self.epoch)
        return torch.randperm(len(self.dataset), generator=generator).tolist()

    def __iter__(self) -> Iterator[int]:
        order = self._order()
        if not self.drop_last and order:
            order *= math.ceil(self.total_size / len(order))
        return iter(order[self.rank:self.total_size:self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffle of this epoch."""
        self.epoch = epoch
