"""Every public name of PyTorch's tensor library is there, or stands in absent_names.txt with its reason.

absent_names.txt  a name, two spaces, and why jtorch has none of it
used_names.txt    the names that public code uses most, the most used first
"""
from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import jtorch

pytestmark = pytest.mark.filterwarnings("ignore")            # PyTorch warns of names that it deprecates as soon as they are looked at
HOMES = """torch torch.Tensor torch.linalg torch.fft torch.special torch.autograd torch.autograd.functional torch.autograd.forward_ad torch.autograd.graph
    torch.func torch.random torch.masked torch.sparse torch.nn torch.nn.Module torch.nn.functional torch.nn.init torch.nn.utils torch.optim
    torch.optim.Optimizer torch.optim.lr_scheduler torch.utils.data torch.distributions torch.signal.windows torch.testing torch.return_types""".split()
HERE = Path(__file__).parent
ABSENT = dict(line.split("  ", 1) for line in (HERE / "absent_names.txt").read_text().splitlines())
USED = (HERE / "used_names.txt").read_text().split()


def found(root: ModuleType, name: str) -> Any:
    """What `name` ("torch.nn.Linear") is in a framework; raises AttributeError or ImportError where it is nothing."""
    value: Any = root
    parts = name.split(".")[1:]
    for k, part in enumerate(parts, 1):
        try:
            value = getattr(value, part)
        except AttributeError:
            if not isinstance(value, ModuleType):
                raise
            value = importlib.import_module(".".join([root.__name__, *parts[:k]]))
    return value


def there(root: ModuleType, name: str) -> bool:
    try:
        found(root, name)
    except (AttributeError, ImportError):
        return False
    return True


def public(home: str) -> list[str]:
    """The public names of a module or class of PyTorch's, without what it only imports from elsewhere."""
    place = found(torch, home)
    return [name for name in dir(place) if not name.startswith("_") and not _imported(home, name, getattr(place, name, None))]


def _imported(home: str, name: str, value: Any) -> bool:
    if isinstance(value, ModuleType):
        return not value.__name__.startswith("torch.") or f".{name}" not in value.__name__
    from_module = getattr(value, "__module__", None)
    foreign = isinstance(from_module, str) and not from_module.startswith("torch")
    return foreign or isinstance(value, bool) or home != "torch" and (value is torch.Tensor or isinstance(value, str | dict | float))


def excused(name: str) -> bool:
    """Whether the name, or what it is a part of, stands in the list."""
    parts = name.split(".")
    return any(".".join(parts[:k]) in ABSENT for k in range(2, len(parts) + 1))


@pytest.mark.parametrize("home", HOMES)
def test_every_name_is_there_or_has_a_reason(home: str) -> None:
    missing = [name for name in public(home) if not there(jtorch, f"{home}.{name}") and not excused(f"{home}.{name}")]
    assert not missing


def test_what_public_code_uses_is_there_or_has_a_reason() -> None:
    missing = [name for name in USED if not there(jtorch, name) and not excused(name)]
    assert not missing


def test_the_list_has_only_names_of_pytorch_that_are_absent() -> None:
    wrong = [name for name in ABSENT if not there(torch, name) or there(jtorch, name)]
    assert not wrong
    assert len(USED) == len(set(USED)) and all(there(torch, name) for name in USED)
