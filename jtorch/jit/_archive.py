"""Files of traced programs: a zip archive with the XLA programs, the state, and how arguments and results are put together.

Reading one runs nothing but these programs: the rest is JSON and tensors.
"""
from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from typing import IO, Any

import jtorch as torch
from jtorch import Tensor, nn
from jtorch.interop.exported import ExportedProgram, export_program
from jtorch.serialization.archive import ZipReader, ZipWriter
from jtorch.utils._pytree import TreeSpec, tree_flatten, treespec_leaf

from ._modules import RecursiveScriptModule, ScriptFunction

KINDS = {"list": list, "tuple": tuple, "dict": dict}
NOT_OURS = ("This file is a TorchScript archive of PyTorch's, whose code jtorch has no interpreter for. Save the module's state_dict() with torch.save where "
            "PyTorch is installed, or trace and save the module with jtorch.")
NO_EXAMPLES = ("A scripted module or function is saved as the XLA program for some shapes, which it was not traced with: call torch.jit.trace(module, "
               "example_inputs) and save its result.")
File = str | os.PathLike | IO[bytes]


def _to_json(spec: TreeSpec) -> Any:
    if spec.type is None:
        return None
    kind = "dict" if issubclass(spec.type, dict) else "list" if spec.type is list else "tuple"
    return [kind, list(spec.context) if kind == "dict" else None, [_to_json(c) for c in spec.children()]]


def _from_json(text: Any) -> TreeSpec:
    return treespec_leaf() if text is None else TreeSpec(KINDS[text[0]], text[1], map(_from_json, text[2]))


def _exported(function: Callable, state: dict[str, Tensor], args: tuple, keywords: dict) -> tuple[bytes, Any, Any]:
    """The program from state and arguments to results, with the structures of the arguments and of the results."""
    leaves, spec = tree_flatten((args, keywords))
    results: list[TreeSpec] = []

    def run(tensors: list[Tensor]) -> list[Tensor]:
        given = dict(zip(state, tensors, strict=False))
        made = function(given, *spec.unflatten(tensors[len(state):]))
        found, structure = tree_flatten(made)
        results.append(structure)
        return found
    with torch.no_grad():                                    # the program has gradients of its own
        data = export_program(run, [*state.values(), *leaves])
    return data, _to_json(spec), _to_json(results[0])


def save(m: Any, f: File, _extra_files: dict[str, str | bytes] | None = None) -> None:
    """Write a traced function or module into a file, as the XLA programs for the shapes that it was traced with."""
    if not isinstance(m, RecursiveScriptModule | ScriptFunction):
        raise AttributeError(f"'{type(m).__name__}' object has no attribute 'save'")
    if isinstance(m, LoadedModule):
        raise RuntimeError("A loaded program is saved by copying its file")
    examples = {"forward": m.examples} if isinstance(m, ScriptFunction) else m.__dict__.get("examples", {})
    if not any(examples.values()):
        raise RuntimeError(NO_EXAMPLES)
    state = {} if isinstance(m, ScriptFunction) else {n: t.detach() for n, t in [*m.named_parameters(), *m.named_buffers()]}
    programs, facts = [], []
    for method, some in examples.items():
        for args, keywords in some:
            data, arguments, results = _exported(_pure(m, method), state, args, keywords)
            programs.append(data)
            facts.append({"method": method, "arguments": arguments, "results": results})
    module = LoadedModule("PlaceholderModule") if isinstance(m, ScriptFunction) else m
    names = {n: getattr(child, "original_name", type(child).__name__) for n, child in module.named_modules()}
    weights = io.BytesIO()
    torch.save(state, weights)
    described = {"format": 1, "modules": names, "parameters": [n for n, _ in module.named_parameters()], "persistent": list(module.state_dict()),
                 "programs": facts, "extra": sorted(_extra_files or ())}
    with open(f, "wb") if isinstance(f, str | os.PathLike) else _kept_open(f) as file:
        writer = ZipWriter(file, "jtorch")
        writer.record("jtorch.json", json.dumps(described).encode())
        writer.record("weights.pt", weights.getvalue())
        for k, data in enumerate(programs):
            writer.record(f"programs/{k}", data)
        for extra, text in (_extra_files or {}).items():
            writer.record(f"extra/{extra}", text.encode() if isinstance(text, str) else text)
        writer.finish()


class _kept_open:
    """A stream of the caller's, which stays open."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __enter__(self) -> IO[bytes]:
        return self.file

    def __exit__(self, *error: object) -> None:
        """The caller closes it."""


def _pure(m: Any, method: str) -> Callable:
    """A method as a function of the state and its arguments."""
    if isinstance(m, ScriptFunction):
        return lambda state, args, keywords: m.function(*args, **keywords)
    if method == "forward":
        return lambda state, args, keywords: torch.func.functional_call(m, state, args, keywords)
    return lambda state, args, keywords: torch.func.functional_call(_Method(m, method), {f"module.{n}": t for n, t in state.items()}, args, keywords)


class _Method(nn.Module):
    """A module whose `forward` is another method of the one in it."""

    def __init__(self, module: nn.Module, method: str) -> None:
        super().__init__()
        self.module, self.method = module, method

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.module, self.method)(*args, **kwargs)


class LoadedModule(RecursiveScriptModule):
    """A module of a file: its state, and its programs."""

    def __init__(self, name: str) -> None:
        nn.Module.__init__(self)
        self.__dict__["_original"] = type(name, (nn.Module,), {})
        self.__dict__["_programs"] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the program for these arguments gives."""
        return self._call("forward", args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_programs", ()):
            return lambda *args, **kwargs: self._call(name, args, kwargs)
        return super().__getattr__(name)

    def _call(self, method: str, args: tuple, kwargs: dict) -> Any:
        leaves, spec = tree_flatten((args, kwargs))
        state = [self.get_parameter(n) if n in self._parameter_names else self.get_buffer(n) for n in self._names]
        known = self.__dict__["_programs"].get(method, [])
        shapes = [(tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in (*state, *leaves)]
        for program, arguments, results in known:
            if arguments == _to_json(spec) and program.signature() == shapes:
                return _from_json(results).unflatten(program(*state, *leaves))
        wanted = "; ".join(str(program.signature()[len(state):]) for program, *_ in known)
        raise RuntimeError(f"{self.original_name}.{method}(): the file has programs for arguments of the shapes and types {wanted}, not for "
                           f"{shapes[len(state):]}. Trace the module with more shapes: torch.jit.trace(module, inputs, check_inputs=[other_inputs])")


LoadedModule.__name__ = "RecursiveScriptModule"              # as error messages call it


def load(f: File, map_location: Any = None, _extra_files: dict[str, Any] | None = None, _restore_shapes: bool = False) -> Any:
    """A module from a file that `save` wrote.  Only the XLA programs in it are ever run."""
    if isinstance(f, str | os.PathLike):
        if not os.path.exists(f):
            raise ValueError(f"The provided filename {f} does not exist")
        if os.path.isdir(f):
            raise ValueError(f"The provided filename {f} is a directory")
        with open(f, "rb") as file:
            return _read(ZipReader(file), map_location, _extra_files)
    return _read(ZipReader(f), map_location, _extra_files)


def _read(archive: ZipReader, map_location: Any, extra: dict[str, Any] | None) -> LoadedModule:
    if not archive.has("jtorch.json"):
        if archive.has("constants.pkl"):
            raise RuntimeError(NOT_OURS)
        archive.read("constants.pkl")                        # which says that it is not there
    facts = json.loads(archive.read("jtorch.json").tobytes())
    state = torch.load(io.BytesIO(archive.read("weights.pt").tobytes()), map_location=map_location, weights_only=True)
    names = facts["modules"]
    module = LoadedModule(str(names[""]))
    module.__dict__.update(_names=list(state), _parameter_names=frozenset(facts["parameters"]))
    for name, tensor in state.items():
        *places, last = name.split(".")
        owner: nn.Module = module
        for k, place in enumerate(places, 1):
            if place not in owner._modules:
                owner.add_module(place, LoadedModule(str(names[".".join(places[:k])])))
            owner = owner._modules[place]
        if name in module._parameter_names:
            owner.register_parameter(last, nn.Parameter(tensor, tensor.is_floating_point() or tensor.is_complex()))
        else:
            owner.register_buffer(last, tensor, persistent=name in facts["persistent"])
    for k, fact in enumerate(facts["programs"]):
        program = ExportedProgram(archive.read(f"programs/{k}").tobytes())
        module.__dict__["_programs"].setdefault(fact["method"], []).append((program, fact["arguments"], fact["results"]))
    found = {} if extra is None else extra
    for name in found:
        if name in facts["extra"]:
            found[name] = archive.read(f"extra/{name}").tobytes()
    return module
