"""`torch.hub`: both frameworks on the same local repositories, addresses and cache folders give the same, or the same error."""
from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
import torch

import jtorch

HUBCONF = '''
dependencies = ["{lib}"]
import {lib}, beside_{lib}
def _hidden(): pass
def tiny(n=2, **more):
    """A layer.  n: its size"""
    return {lib}.nn.Linear(n, n, **more)
def plain(): return beside_{lib}.number
value = 3
'''
LOADS = """
H.load(repo, "tiny", 3, source="local")
H.load(repo, "tiny", n=4, bias=False, source="LOCAL")
H.load(repo, "plain", source="local")
H.load(repo, "nothing", source="local")
H.load(repo, "value", source="local")
H.load(repo, 3, source="local")
H.load(root + "/absent", "tiny", source="local").a
H.load(root + "/needy", "tiny", source="local")
H.load("a/b", "tiny", source="elsewhere")
H.load("ab", "tiny")
H.load("a/b/c", "tiny")
H.load("a/b:c:d", "tiny")
H.load("own/repo:main", "tiny", trust_repo=True)
H.load("own/repo:main", "plain", verbose=False)
H.load("own/other:main", "plain", trust_repo=False)
H.list("own/repo:main"), H.help("own/repo:main", "tiny"), H.help("own/repo:main", "plain")
H.list("own/repo:main", verbose=False, trust_repo=None)
H.help("own/repo:main", "nothing")
[os.path.basename(p) == "hub" for p in (H.get_dir(), H.set_dir(root + "/else"), H.get_dir()) if p]
os.listdir(H.get_dir())
H.download_url_to_file(url + "hubconf.py", root + "/file"), open(root + "/file").read() == open(repo + "/hubconf.py").read()
H.download_url_to_file(url + "hubconf.py", root + "/file", hash_prefix="abcd", progress=False)
H.download_url_to_file(url + "hubconf.py", root + "/file", hash_prefix=checksum(repo + "/hubconf.py")[:7], progress=False)
os.listdir(root)
H.download_url_to_file("file://" + repo + "/hubconf.py", root + "/file")
H.download_url_to_file("file://" + repo + "/absent", root + "/file")
H.download_url_to_file(url + "absent", root + "/file")
H.load_state_dict_from_url(url + "weights.pth"), os.listdir(H.get_dir() + "/checkpoints")
H.load_state_dict_from_url("file://" + repo + "/weights.pth", root + "/m", "cpu", False, False, "other.pth"), os.listdir(root + "/m")
H.load_state_dict_from_url(url + "weights.pth?version=2", root + "/m", weights_only=True), os.listdir(root + "/m")
H.load_state_dict_from_url(url + good, check_hash=True)
H.load_state_dict_from_url(url + "weights-12345678.pth", check_hash=True)
H.load_state_dict_from_url(url + "weights-12345678.pth", check_hash=False)
H.load_state_dict_from_url(url + "legacy.zip", root + "/m"), sorted(os.listdir(root + "/m"))
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


def checksum(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a repository for each framework and weights, and a server for it."""
    root = tmp_path_factory.mktemp("hub")
    for lib in ("torch", "jtorch"):
        repo = root / lib
        repo.mkdir()
        (repo / "hubconf.py").write_text(HUBCONF.format(lib=lib))
        (repo / f"beside_{lib}.py").write_text("number = 7")
        torch.save({"w": torch.ones(2)}, repo / "weights.pth")
        for name in (f"weights-{checksum(repo / 'weights.pth')[:8]}.pth", "weights-12345678.pth"):
            (repo / name).write_bytes((repo / "weights.pth").read_bytes())
        torch.save({"w": torch.ones(2)}, repo / "old.pth", _use_new_zipfile_serialization=False)
        with zipfile.ZipFile(repo / "legacy.zip", "w") as archive:
            archive.write(repo / "old.pth", "old.pth")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield root, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def outcome(module: ModuleType, code: str, place: tuple, home: Path, capsys, monkeypatch) -> tuple[str, str]:
    module.hub.set_dir(home / "hub")
    monkeypatch.setattr("builtins.input", lambda text: "no")
    lib = module.__name__
    repo = place[0] / lib
    for known in ("own_repo_main", "own_other_main"):
        (home / "hub" / known).mkdir(parents=True)
        for name in ("hubconf.py", f"beside_{lib}.py"):
            (home / "hub" / known / name).write_bytes((repo / name).read_bytes())
    (home / "needy").mkdir()
    (home / "needy" / "hubconf.py").write_text("dependencies = ['absent_a', 'absent_b']\ndef tiny(): pass")
    good = next(p.name for p in repo.glob("weights-*") if "12345678" not in p.name)
    scope = {"H": module.hub, "repo": str(repo), "root": str(home), "url": f"{place[1]}{lib}/", "os": os, "checksum": checksum, "good": good}
    capsys.readouterr()
    try:
        found = str(eval(code, scope))
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    out, err = capsys.readouterr()
    said = out + re.sub(r"\|[^\n]*/s\]|[^\n]*%", "", err).strip()                        # a progress bar looks as the terminal allows
    return tuple(re.sub(r"[0-9a-f]{32,}", "HASH", t.replace(str(home), "ROOT").replace(f"/{lib}/", "/LIB/")) for t in (found, said))


@pytest.mark.filterwarnings("ignore:Falling back to the old format")
@pytest.mark.parametrize("code", LOADS.strip().split("\n"))
def test_as_in_pytorch(code: str, place, tmp_path: Path, capsys, monkeypatch) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    assert outcome(jtorch, code, place, tmp_path / "a", capsys, monkeypatch) == outcome(torch, code, place, tmp_path / "b", capsys, monkeypatch)


@pytest.mark.parametrize("variables, where", [({"TORCH_HOME": "/t"}, "/t/hub"), ({"XDG_CACHE_HOME": "/x"}, "/x/torch/hub"), ({"HOME": "/h"}, "/h/.cache/torch/hub"),
                                              ({"TORCH_HOME": "/t", "XDG_CACHE_HOME": "/x"}, "/t/hub"), ({"TORCH_HOME": "~/t", "HOME": "/h"}, "/h/t/hub")])
def test_folder(variables: dict, where: str, monkeypatch) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for module in (jtorch, torch):
        monkeypatch.setattr(*((jtorch.hub._Folder, "chosen", None) if module is jtorch else (torch.hub, "_hub_dir", None)))
        assert module.hub.get_dir() == where


class Evil:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("evil-was-here",)


def test_weights_run_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"w": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(Exception, match="Weights only load failed"):
        jtorch.hub.load_state_dict_from_url(f"file://{tmp_path}/evil.pth", str(tmp_path / "m"), progress=False, weights_only=False)
    assert not (tmp_path / "evil-was-here").exists()


def test_sys_path_is_left_alone(place) -> None:
    before = list(sys.path)
    jtorch.hub.load(str(place[0] / "jtorch"), "plain", source="local")
    assert sys.path == before
