"""Models and weights from elsewhere (`torch.hub`).  A repository's `hubconf.py` is run, as in PyTorch; nothing in a file of weights ever is."""
from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import json
import os
import re
import shutil
import sys
import uuid
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from ._core.config import torch_home
from .serialization import load as load_file

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]
TRUSTED = "facebookresearch", "facebookincubator", "pytorch", "fairinternal"
HASH = HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")                         # in a file's name: the beginning of its checksum
BLOCK = 128 * 1024
UNTRUSTED = (
    "You are about to download and run code from an untrusted repository. In a future release, this won't be allowed. To add the repository to your "
    "trusted list, change the command to {0}(..., trust_repo=False) and a command prompt will appear asking for an explicit confirmation of trust, or "
    "{0}(..., trust_repo=True), which will assume that the prompt is to be answered with 'yes'. You can also use {0}(..., trust_repo='check') which will "
    "only prompt for confirmation if the repo is not already in the trusted list. This will eventually be the default behaviour")


class _Folder:
    chosen: str | None = None


def _get_torch_home() -> str:
    """`torch_home` by PyTorch's name, which libraries import."""
    return os.path.expanduser(torch_home())


def get_dir() -> str:
    """Where models and weights are kept: what `set_dir` said, else `hub` in `$TORCH_HOME`, in `$XDG_CACHE_HOME/torch` or in `~/.cache/torch`."""
    return _Folder.chosen if _Folder.chosen is not None else os.path.join(_get_torch_home(), "hub")


def set_dir(d: str | os.PathLike) -> None:
    """Keep models and weights in the folder `d` from now on."""
    _Folder.chosen = os.path.expanduser(d)


def list(github: str, force_reload: bool = False, skip_validation: bool = False, trust_repo: bool | str | None = "check",
         verbose: bool = True) -> builtins.list[str]:
    """The names that a repository offers to `load`."""
    folder = _repository(github, force_reload, "list", skip_validation, trust_repo, verbose)
    with _imported(folder) as module:
        return [name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")]


def help(github: str, model: str, force_reload: bool = False, skip_validation: bool = False, trust_repo: bool | str | None = "check") -> str | None:
    """The docstring of what a repository offers under the name `model`."""
    folder = _repository(github, force_reload, "help", skip_validation, trust_repo, True)
    with _imported(folder) as module:
        return _entry(module, model).__doc__


def load(repo_or_dir: str, model: str, *args: Any, source: str = "github", trust_repo: bool | str | None = "check", force_reload: bool = False,
         verbose: bool = True, skip_validation: bool = False, **kwargs: Any) -> Any:
    """What `model(*args, **kwargs)` of the repository's `hubconf.py` gives.

    repo_or_dir  "owner/name[:branch]" on GitHub, or with source="local" a folder
    trust_repo   True: trust it from now on; False: ask; "check": ask unless it is trusted; None: warn
    """
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        repo_or_dir = _repository(repo_or_dir, force_reload, "load", skip_validation, trust_repo, verbose)
    with _imported(repo_or_dir) as module:
        return _entry(module, model)(*args, **kwargs)


@contextmanager
def _imported(folder: str) -> Iterator[ModuleType]:
    """A folder's `hubconf.py` as a module, which may import what lies beside it."""
    sys.path.insert(0, str(folder))
    try:
        spec: Any = importlib.util.spec_from_file_location("hubconf.py", os.path.join(folder, "hubconf.py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(folder))


def _entry(module: ModuleType, name: str) -> Callable:
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    missing = [m for m in getattr(module, "dependencies", None) or () if m not in sys.modules and importlib.util.find_spec(m) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    found = getattr(module, name, None)
    if found is None or not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found


# Repositories on GitHub

def _parsed(github: str) -> tuple[str, str, str]:
    """Owner, name and branch; without one the default branch, or offline the one that is there."""
    repository, ref = github.split(":") if ":" in github else (github, None)
    owner, name = repository.split("/")
    if ref is None:
        try:
            with urlopen(f"https://github.com/{owner}/{name}/tree/main/"):
                ref = "main"
        except HTTPError as error:
            if error.code != 404:
                raise
            ref = "master"
        except URLError as error:
            ref = next((r for r in ("main", "master") if os.path.exists(f"{get_dir()}/{owner}_{name}_{r}")), None)
            if ref is None:
                raise RuntimeError(f"It looks like there is no internet connection and the repo could not be found in the cache ({get_dir()})") from error
    return owner, name, ref


def _repository(github: str, force_reload: bool, caller: str, skip_validation: bool, trust_repo: bool | str | None, verbose: bool) -> str:
    """The folder of a repository, downloaded if need be."""
    hub = Path(get_dir())
    hub.mkdir(parents=True, exist_ok=True)
    owner, name, ref = _parsed(github)
    branch = ref.replace("/", "_")
    folder = hub / f"{owner}_{name}_{branch}"
    _check_trust(hub, owner, f"{owner}_{name}", trust_repo, caller)
    if folder.exists() and not force_reload:
        if verbose:
            sys.stderr.write(f"Using cache found in {folder}\n")
        return str(folder)
    if not skip_validation:
        _check_branch(owner, name, ref)
    packed = hub / f"{branch}.zip"
    url = f"https://github.com/{owner}/{name}/archive/{ref}.zip"
    sys.stderr.write(f'Downloading: "{url}" to {packed}\n')
    download_url_to_file(url, str(packed), progress=False)
    with zipfile.ZipFile(packed) as archive:
        made = hub / archive.infolist()[0].filename.rstrip("/")
        archive.extractall(hub)
    packed.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)
    return str(folder)


def _check_branch(owner: str, name: str, ref: str) -> None:
    """Raise unless the repository itself has such a branch, tag or commit: GitHub finds those of forks too."""
    for kind in ("branches", "tags"):
        page = 0
        while True:
            page += 1
            address = f"https://api.github.com/repos/{owner}/{name}/{kind}?per_page=100&page={page}"
            with urlopen(Request(address, headers={"Accept": "application/vnd.github.v3+json"})) as reply:
                found = json.loads(reply.read())
            if not found:
                break
            if any(b["name"] == ref or b["commit"]["sha"].startswith(ref) for b in found):
                return
    raise ValueError(f"Cannot find {ref} in https://github.com/{owner}/{name}. If it's a commit from a forked repo, please call hub.load() with forked "
                     "repo directly.")


def _check_trust(hub: Path, owner: str, repository: str, trust_repo: bool | str | None, caller: str) -> None:
    """Ask whether to run a repository's code, as `trust_repo` says."""
    known = hub / "trusted_list"
    known.touch()
    trusted = repository in known.read_text().split("\n") or any(p.name.startswith(f"{repository}_") for p in hub.iterdir() if p.is_dir())
    if trust_repo is None:
        if not trusted:
            warnings.warn(UNTRUSTED.format(caller), stacklevel=4)
        return
    if trust_repo is False or trust_repo == "check" and not trusted and owner not in TRUSTED:
        answer = input(f"The repository {repository} does not belong to the list of trusted repositories and as such cannot be downloaded. Do you trust this "
                       "repository and wish to add it to the trusted list of repositories (y/N)?").lower()
        if answer in ("", "n", "no"):
            raise Exception("Untrusted repository.")
        if answer not in ("y", "yes"):
            raise ValueError(f"Unrecognized response {answer}.")
        trust_repo = True
    if trust_repo is True and not trusted:
        with known.open("a") as file:
            file.write(repository + "\n")


# Files

def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Write what `url` (http, https, file …) gives into the file `dst`, which is there only when it is complete.

    hash_prefix  how the SHA256 checksum must begin
    """
    with urlopen(Request(url, headers={"User-Agent": "torch.hub"})) as reply:
        size = int(reply.headers.get("Content-Length") or 0)
        target = os.path.expanduser(dst)
        part = f"{target}.{uuid.uuid4().hex}.partial"
        try:
            with open(part, "wb") as file:
                checksum = _copy(reply, file, size if progress else None)
            if hash_prefix is not None and checksum[:len(hash_prefix)] != hash_prefix:
                raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{checksum}")')
            os.replace(part, target)
        finally:
            if os.path.exists(part):
                os.remove(part)


def _copy(source: Any, target: Any, size: int | None) -> str:
    """Copy a stream; with a size show how far it is.  Returns the checksum."""
    checksum = hashlib.sha256()
    with nullcontext(lambda count: None) if size is None else _shown(size) as advance:
        while block := source.read(BLOCK):
            target.write(block)
            checksum.update(block)
            advance(len(block))
    return checksum.hexdigest()


@contextmanager
def _shown(size: int) -> Iterator[Callable[[int], object]]:
    """A function that is told of each part of so many bytes (0: unknown): tqdm's bar where that is installed, else numbers."""
    with bar_class()(total=size or None, unit="B", unit_scale=True, unit_divisor=1024) as bar:
        yield bar.update


class _Faketqdm:
    """What stands for tqdm's bar where tqdm is not installed: numbers on standard error."""

    def __init__(self, total: int | None = None, disable: bool = False, unit: str | None = None, *args: Any, **kwargs: Any) -> None:
        self.total, self.disable, self.n = total, disable, 0

    def update(self, n: int) -> None:
        """So much more is done."""
        self.n += n
        if not self.disable:
            sys.stderr.write(f"\r{100 * self.n / self.total:.1f}%" if self.total else f"\r{self.n} bytes")

    def set_description(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing about what is done."""

    def write(self, s: str) -> None:
        """A line beside the numbers."""
        sys.stderr.write(f"{s}\n")

    def close(self) -> None:
        """No more is done."""
        self.disable = True

    def __enter__(self) -> _Faketqdm:
        return self

    def __exit__(self, *error: object) -> None:
        if not self.disable:
            sys.stderr.write("\n")


def bar_class() -> Any:
    """tqdm's bar, or what stands for it."""
    return importlib.import_module("tqdm").tqdm if importlib.util.find_spec("tqdm") is not None else _Faketqdm


def __getattr__(name: str) -> Any:
    if name == "tqdm":
        return bar_class()
    raise AttributeError(f"module 'torch.hub' has no attribute '{name}' in jtorch")


def load_state_dict_from_url(url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True, check_hash: bool = False,
                             file_name: str | None = None, weights_only: bool = False) -> dict[str, Any]:
    """The weights at `url`, downloaded unless they are in `model_dir` (by default `checkpoints` in `get_dir()`).

    Nothing in the file is run, whatever `weights_only` says: where that is wanted, give the file's path to `torch.load(path, weights_only=False)`.
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    os.makedirs(folder, exist_ok=True)
    name = os.path.basename(urlparse(url).path) if file_name is None else file_name
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        sys.stdout.write(f'Downloading: "{url}" to {path}\n')
        beginning = HASH.search(name) if check_hash else None
        download_url_to_file(url, path, beginning[1] if beginning else None, progress)
    return load_file(_unpacked(path, folder), map_location=map_location, weights_only=True)


def _unpacked(path: str, folder: str) -> str:
    """The file itself, or the only one in an archive of the time before PyTorch 1.6."""
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1 or members[0].is_dir():
            return path
        warnings.warn("Falling back to the old format < 1.6. This support will be deprecated in favor of default zipfile format introduced in 1.6. Please redo "
                      "torch.save() to save it in the new zipfile format.", FutureWarning, stacklevel=3)
        return archive.extract(members[0], folder)
