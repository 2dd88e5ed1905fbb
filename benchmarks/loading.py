"""DataLoader throughput: images decoded from PNG files by two workers, and batches of a TensorDataset, with jtorch and PyTorch.

Each framework runs in a process of its own, one epoch a round, the rounds by turns; the ratio of the medians counts.
"""
from __future__ import annotations

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image
from results import circumstances, save

MODULES = {"jtorch": "jtorch", "pytorch": "torch"}
IMAGES, SIZE, BATCH = 512, 96, 32
ROWS = 20_000


def write_images(folder: pathlib.Path) -> None:
    random = np.random.default_rng(0)
    for k in range(IMAGES):
        smooth = np.add.outer(np.arange(SIZE), np.arange(SIZE))[..., None] + random.integers(0, 64, (SIZE, SIZE, 3))
        Image.fromarray((smooth % 256).astype(np.uint8)).save(folder / f"{k}.png")


class Images:
    """Images of a folder as float tensors, normalised, with their number as label."""

    def __init__(self, torch: ModuleType, folder: str) -> None:
        self.torch, self.paths = torch, sorted(pathlib.Path(folder).glob("*.png"))
        self.mean, self.std = torch.tensor([0.5, 0.5, 0.5]).view(3, 1, 1), torch.tensor([0.25, 0.25, 0.25]).view(3, 1, 1)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, k: int) -> tuple[Any, int]:
        with Image.open(self.paths[k]) as image:
            pixels = self.torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        return (pixels - self.mean) / self.std, k

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "torch": None}


def loader(torch: ModuleType, case: str, folder: str) -> Any:
    data = torch.utils.data
    if case == "png":
        return data.DataLoader(Images(torch, folder), batch_size=BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    torch.manual_seed(0)
    return data.DataLoader(data.TensorDataset(torch.randn(ROWS, 16), torch.randint(0, 10, (ROWS,))), batch_size=BATCH, shuffle=case == "shuffled")


def serve(framework: str, case: str, folder: str) -> None:
    """Runs in the child: an epoch for each line that comes in, and its time goes out."""
    torch = __import__(MODULES[framework])
    torch.utils = __import__(f"{MODULES[framework]}.utils.data").utils
    if framework == "pytorch":
        torch.set_num_threads(2)
    batches = loader(torch, case, folder)
    for _ in sys.stdin:
        start, seen = time.perf_counter(), 0
        for _, y in batches:
            seen += len(y)
        print(seen / (time.perf_counter() - start), flush=True)


def measured(case: str, folder: str, rounds: int) -> dict[str, list[float]]:
    command = [sys.executable, __file__, "--case", case, "--folder", folder, "--child"]
    children = {f: subprocess.Popen([*command, f], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for f in MODULES}
    found: dict[str, list[float]] = {f: [] for f in MODULES}
    for number in range(rounds + 1):                          # the first epoch starts the workers
        for framework, child in children.items():
            child.stdin.write("go\n")
            child.stdin.flush()
            rate = float(child.stdout.readline())
            if number:
                found[framework].append(rate)
    for child in children.values():
        child.stdin.close()
        child.wait()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--child", choices=MODULES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        serve(args.child, args.case, args.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_images(pathlib.Path(folder))
        for case in ("png", "in order", "shuffled"):
            found = measured(case, folder, args.rounds)
            medians = {f: statistics.median(rates) for f, rates in found.items()}
            print(f"{case:9} jtorch {medians['jtorch']:9.0f}/s   PyTorch {medians['pytorch']:9.0f}/s   ratio {medians['jtorch'] / medians['pytorch']:.2f}", flush=True)
            save("loading", {"case": case, "samples_per_second": medians, **circumstances("cpu")})


if __name__ == "__main__":
    main()
