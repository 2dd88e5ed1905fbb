"""What a measurement is kept with: JSON lines with date, commit, machine and versions."""
from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
from typing import Any

RESULTS = pathlib.Path(__file__).parent / "results"


def commit() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=pathlib.Path(__file__).parent)
    return found.stdout.strip() or "unknown"


def processor() -> str:
    info = pathlib.Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def circumstances(device: str) -> dict[str, Any]:
    """What a result depends on besides the code measured."""
    installed = {found.name.lower() for found in importlib.metadata.distributions()}
    versions = {name: importlib.metadata.version(name) for name in ("jtorch-jax", "torch", "jax", "numpy") if name in installed}
    where = importlib.import_module("jax").devices()[0].device_kind if device != "cpu" else processor()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit(),
        "device": device, "device_name": where, "cores": os.cpu_count(), "python": platform.python_version(), "versions": versions,
    }


def save(name: str, record: dict[str, Any]) -> None:
    """One more JSON line in benchmarks/results/NAME.jsonl."""
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / f"{name}.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")
