"""Mutated checkpoint files: loading one gives a value or one of the usual errors, runs nothing, comes to an end, and takes no memory beyond the file's size.

`main` tries 10,000 files in processes of their own, so that a crash is seen; tests/test_serialization.py tries some.
"""
from __future__ import annotations

import argparse
import io
import multiprocessing
import pickle
import signal
import sys
import sysconfig
import tracemalloc
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch

import jtorch

ERRORS = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError)
SECONDS, SPARE = 20, 8 << 20                                  # for one file; bytes that any file may take
GROWTH = 64                                                   # how often its size a file may take beside that: small records become objects
DEEDS = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen", "socket.connect", "shutil.rmtree", "os.remove", "os.rename", "exec", "compile")
CHUNK = 250
LIBRARY = sysconfig.get_path("stdlib")


class Ran(BaseException):
    """A file made the process do something."""


class Watch:
    """Whether the process is loading a file, so that what it does then is seen."""
    on = False


def _audit(event: str, args: tuple) -> None:
    if event == "exec" and getattr(args[0], "co_filename", "").startswith(LIBRARY):
        return                                                # Python imports what reads the file, such as a codec
    if Watch.on and (event in DEEDS or event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")):
        raise Ran(f"{event} {args}")


def checkpoints() -> list[bytes]:
    """Files to begin with: of every kind, written by both frameworks."""
    made = []
    for lib in (torch, jtorch):
        lib.manual_seed(0)
        net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.Linear(4, 2))
        optimizer = lib.optim.Adam(net.parameters())
        net(lib.ones(2, 3)).sum().backward()
        optimizer.step()
        base = lib.arange(12.0)
        values = [net.state_dict(), {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "name": "text" * 9},
                  [base.view(3, 4).t(), base[3:7], lib.ones(2, dtype=lib.bfloat16), lib.tensor([True, False]), lib.arange(4)],
                  {"sparse": lib.eye(3).to_sparse(), "size": lib.Size([2]), "dtype": lib.float16, "rng": lib.get_rng_state()[:64].clone()}]
        for value in values:
            for zipped in (True, False) if value is not values[3] else (True,):
                file = io.BytesIO()
                lib.save(value, file, _use_new_zipfile_serialization=zipped)
                made.append(file.getvalue())
    return made


def mutated(whole: bytes, random: np.random.Generator) -> bytes:
    """The file with a few bytes, blocks or lengths changed; of an archive also with a record changed and all sums right."""
    if zipfile.is_zipfile(io.BytesIO(whole)) and random.random() < 0.6:
        return _record_mutated(whole, random)
    return _bytes_mutated(whole, random)


def _bytes_mutated(whole: bytes, random: np.random.Generator) -> bytes:
    data = bytearray(whole)
    for _ in range(random.integers(1, 5)):
        place, way = int(random.integers(0, max(len(data), 1))), random.integers(0, 6)
        length = int(random.integers(1, 24))
        if way == 0:
            data[place:place + 1] = bytes([random.integers(0, 256)])
        elif way == 1:
            del data[place:place + length]
        elif way == 2:
            data[place:place] = random.bytes(length)
        elif way == 3:
            other = int(random.integers(0, max(len(data), 1)))
            data[place:place + length] = data[other:other + length]
        elif way == 4:                                        # a length or an offset, as large as it gets
            data[place:place + 4] = random.choice([b"\xff\xff\xff\x7f", b"\xff" * 4, b"\0" * 4, b"\0\0\0\x40"])
        else:
            del data[place + length * 20:]
    return bytes(data)


def _record_mutated(whole: bytes, random: np.random.Generator) -> bytes:
    source, file = zipfile.ZipFile(io.BytesIO(whole)), io.BytesIO()
    names = source.namelist()
    pickles = [n for n in names if n.endswith("data.pkl")]
    chosen = pickles[0] if random.random() < 0.7 else names[random.integers(0, len(names))]
    packing = zipfile.ZIP_DEFLATED if random.random() < 0.2 else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name in names:
            data = source.read(name)
            archive.writestr(name, _bytes_mutated(data, random) if name == chosen else data)
    return file.getvalue()


def outcome(data: bytes) -> str:
    """What loading gives: "value" or the error's class.  Raises for what must not happen."""
    before = Watch.on
    tracemalloc.reset_peak()
    start = tracemalloc.get_traced_memory()[0]
    Watch.on = True
    try:
        jtorch.load(io.BytesIO(data))
        found = "value"
    except ERRORS as error:
        found = type(error).__name__
    finally:
        Watch.on = before
    taken = tracemalloc.get_traced_memory()[1] - start
    if taken > SPARE + GROWTH * len(data):
        raise Ran(f"{taken} bytes for a file of {len(data)}")
    return found


def alarmed(signum: int, frame: FrameType | None) -> None:
    raise Ran(f"longer than {SECONDS} s")


def tried(seed: int, count: int) -> tuple[Counter, list[str]]:
    """The outcomes of so many files, and what went wrong, with the place of the file."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, alarmed)
    files, found, wrong = checkpoints(), Counter(), []
    tracemalloc.start()
    for number in range(count):
        random = np.random.default_rng((seed, number))
        data = mutated(files[random.integers(0, len(files))], random)
        signal.alarm(SECONDS)
        try:
            found[outcome(data)] += 1
        except (Exception, Ran) as error:                     # each is a finding
            wrong.append(f"seed {seed}, file {number}: {type(error).__name__}: {error}"[:300])
        finally:
            signal.alarm(0)
    tracemalloc.stop()
    return found, wrong


def work(job: tuple[int, int]) -> tuple[Counter, list[str]]:
    sys.addaudithook(_audit)
    return tried(*job)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    total: Counter[str] = Counter()
    wrong: list[str] = []
    context: Any = multiprocessing.get_context("spawn")
    for seed in range(0, -(-given.files // CHUNK), given.processes):
        seeds = range(seed, min(seed + given.processes, -(-given.files // CHUNK)))
        with context.Pool(given.processes) as pool:
            for k, waiting in [(s, pool.apply_async(work, ((s, CHUNK),))) for s in seeds]:
                try:
                    found, bad = waiting.get(SECONDS * 20)
                except multiprocessing.TimeoutError:          # a process that died takes its result along
                    found, bad = Counter(), [f"seed {k}: the process hangs or crashed"]
                total += found
                wrong += bad
    text = [f"{sum(total.values())} files: {', '.join(f'{n} {name}' for name, n in total.most_common())}.", *(wrong or ["Nothing else."])]
    Path(__file__).with_suffix(".md").write_text("\n".join(["# Mutated checkpoint files", "", *text]) + "\n")
    sys.stdout.write("\n".join(text) + "\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
