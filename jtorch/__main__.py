"""`python -m jtorch [-m] SCRIPT ARGS…`: run a PyTorch program on jtorch."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

from .alias import install_as_torch


def main() -> None:
    """Run the script or module that the command line names, with `torch` being jtorch."""
    args = sys.argv[1:]
    if not args or args[0] in ("-h", "--help"):
        sys.stderr.write("usage: python -m jtorch [-m] SCRIPT ARGS…\n")
        raise SystemExit(0 if args else 2)
    install_as_torch()
    if args[0] == "-m":
        sys.argv = args[1:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(args[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = args
        sys.path[0] = str(Path(args[0]).resolve().parent)
        runpy.run_path(args[0], run_name="__main__")


main()
