"""Being `torch`: after `install_as_torch()` every `import torch` in the process gives jtorch."""
from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType


class TorchFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `torch` and its submodules in jtorch."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        """A spec for `torch…`, None for any other name.  Raises for a submodule that jtorch lacks."""
        if name != "torch" and not name.startswith("torch."):
            return None
        ours = f"jtorch{name[5:]}"
        if ours not in sys.modules and _missing(ours):
            raise ModuleNotFoundError(f"No module named '{name}': it is missing in jtorch, which stands for torch here", name=name)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The jtorch module itself, so that both names give one module."""
        return importlib.import_module(f"jtorch{spec.name[5:]}")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to run."""


def _missing(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except ModuleNotFoundError:
        return True


def install_as_torch() -> None:
    """Let `import torch`, in this process and from now on, give jtorch.  Raises if PyTorch itself was imported before."""
    known = sys.modules.get("torch")
    if known is not None and not known.__name__.startswith("jtorch"):
        raise RuntimeError("torch is already imported: call jtorch.install_as_torch() before anything imports it")
    if not any(isinstance(f, TorchFinder) for f in sys.meta_path):
        sys.meta_path.insert(0, TorchFinder())
