"""Settings, read from the environment once.  No other module reads environment variables."""
from __future__ import annotations

import os
from pathlib import Path

eager = os.environ.get("JTORCH_EAGER", "0") not in ("", "0")            # run each operator at once
log = frozenset(filter(None, os.environ.get("JTORCH_LOG", "").split(",")))   # "recompiles": say what leaves a known path, and where
accelerator = os.environ.get("JTORCH_ACCELERATOR", "")                  # JAX's platform that `cuda` stands for, such as "tpu"
cache = os.environ.get("JTORCH_CACHE", str(Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jtorch"))   # "" turns it off
fleeting = os.environ.get("JTORCH_FLEETING", "0") not in ("", "0")      # let NumPy run what hardly repeats
trace_length = int(os.environ.get("JTORCH_TRACE_LENGTH", "2000"))       # entries after which a trace runs even if nobody asks for a value
trie_size = int(os.environ.get("JTORCH_TRIE_SIZE", "100000"))           # recorded entries kept before the least recently used are dropped
programs = int(os.environ.get("JTORCH_PROGRAMS", "3000"))               # compiled programs kept, each of about a megabyte


def torch_home() -> str:
    """The folder of `torch.hub`, which programs may set at any time."""
    return os.environ.get("TORCH_HOME", os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch"))
