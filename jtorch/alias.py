"""Being `torch`: after `install_as_torch()` every `import torch` in the process gives jtorch."""
from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing.spawn
import sys
from collections.abc import Sequence
from types import ModuleType


PREPARATION = multiprocessing.spawn.get_preparation_data
CORE = {"Generator": "torch._C"}                             # classes of the core that are not directly in `torch`


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


class Renaming(importlib.machinery.SourceFileLoader):
    """Loads a module of jtorch whose classes then call themselves by PyTorch's names."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, rename its classes."""
        super().exec_module(module)
        rename(module)


class RenamingFinder(importlib.abc.MetaPathFinder):
    """Finds jtorch's own modules, for `Renaming`."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        """The usual spec of a module of jtorch's, None for any other name."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name.startswith("jtorch.") else None
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Renaming(name, str(spec.origin))
        return spec


def rename(module: ModuleType) -> None:
    """Let the classes of a module of jtorch's say that they are PyTorch's: programs print `type(x)`; and `torch` itself, whose name libraries look at."""
    if not module.__name__.startswith("jtorch"):
        return
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            inside = module.__name__.startswith("jtorch._")
            value.__module__ = CORE.get(value.__name__, "torch") if inside else f"torch{module.__name__[6:]}"
            if inside:
                value.__annotations__ = {}                   # of what is not in `torch`, so that `typing.get_type_hints` could not tell what it is
    if not module.__name__.startswith("jtorch._"):
        sys.modules.setdefault(f"torch{module.__name__[6:]}", module)    # where `typing.get_type_hints` looks what their annotations mean
    if module.__name__ == "jtorch":
        module.__name__ = "torch"


def _missing(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except ModuleNotFoundError:
        return True


class Heir:
    """In a process that is unpickled into, `import torch` gives jtorch too."""

    def __reduce__(self) -> tuple:
        return install_as_torch, ()


def preparation_data(name: str) -> dict:
    """What a spawned process is told before it imports the program, with that `torch` is jtorch."""
    return {"torch": Heir(), **PREPARATION(name)}


def install_as_torch() -> None:
    """Let `import torch`, in this process and from now on, give jtorch.  Raises if PyTorch itself was imported before."""
    known = sys.modules.get("torch")
    if known is not None and known is not sys.modules["jtorch"]:
        raise RuntimeError("torch is already imported: call jtorch.install_as_torch() before anything imports it")
    if not any(isinstance(f, TorchFinder) for f in sys.meta_path):
        sys.meta_path[:0] = TorchFinder(), RenamingFinder()
        multiprocessing.spawn.get_preparation_data = preparation_data
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] == "jtorch":
                rename(module)
