"""An unpickler for files that nobody vouches for.

It interprets the pickle's instructions itself and knows only those that build plain data.  It calls nothing but what `safe` lists, imports nothing,
sets attributes of nothing but ordered dicts and of the user's own allowed classes, and reads no more than the file holds.
"""
from __future__ import annotations

import collections
import pickle
import pickletools
import warnings
from collections.abc import Callable
from typing import IO, Any

from .safe import BLOCKED, PYTHON_2, allowed_by_user, look_up, mentioned_storage

CHANGED = ("In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from `False` to `True`. Re-running "
           "`torch.load` with `weights_only` set to `False` will likely succeed, but it can result in arbitrary code execution. Do it only if you "
           "got the file from a trusted source.")
LEARN_MORE = ("\n\nCheck the documentation of torch.load to learn more about types accepted by default with weights_only "
              "https://pytorch.org/docs/stable/generated/torch.load.html.")
PROTOCOL = 2


def failed(reason: str) -> pickle.UnpicklingError:
    """PyTorch's message for what the unpickler cannot do."""
    return pickle.UnpicklingError(
        f"Weights only load failed. {CHANGED}\nPlease file an issue with the following so that we can make `weights_only=True` compatible with your "
        f"use case: WeightsUnpickler error: \n\n{reason}{LEARN_MORE}")


def refused(name: str) -> pickle.UnpicklingError:
    """PyTorch's message for a name that is not allowed."""
    return pickle.UnpicklingError(
        "Weights only load failed. This file can still be loaded, to do so you have two options, \033[1mdo those steps only if you trust the source "
        f"of the checkpoint\033[0m. \n\t(1) {CHANGED}\n\t(2) Alternatively, to load with `weights_only=True` please check the recommended steps in "
        f"the following error message.\n\tWeightsUnpickler error: Unsupported global: GLOBAL {name} was not an allowed global by default. Please use "
        f"`torch.serialization.add_safe_globals([{name}])` or the `torch.serialization.safe_globals([{name}])` context manager to allowlist this "
        f"global if you trust this class/function.{LEARN_MORE}")


def blocked(module: str, name: str) -> pickle.UnpicklingError:
    """PyTorch's message for a module that is never allowed."""
    return pickle.UnpicklingError(
        f"Weights only load failed. {CHANGED}\n\n\nTrying to load unsupported GLOBAL {module}.{name} whose module {module} is blocked.{LEARN_MORE}")


class Mark:
    """Where the items of a container begin on the stack."""


class WeightsUnpickler:
    """Reads one pickle from `file`; `persistent_load` gets the identity of each storage."""

    def __init__(self, file: IO[bytes], persistent_load: Callable[[tuple], object], encoding: str = "utf-8") -> None:
        self.file, self.persistent_load, self.encoding = file, persistent_load, encoding
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.callable: dict[int, str] = {}                   # the identity of each name so far that may be called
        self.user = allowed_by_user()

    def load(self) -> object:
        """The object."""
        try:
            for instruction, argument, _ in pickletools.genops(self.file):
                run = INSTRUCTIONS.get(instruction.name)
                if run is None:
                    raise failed(f"Unsupported operand {ord(instruction.code)}")
                run(self, argument)
            return self.pop()
        except (IndexError, KeyError, TypeError) as error:   # an empty stack, an unknown memo, a key that is a list, wrong arguments, …
            raise pickle.UnpicklingError(f"corrupt file: {type(error).__name__}: {error}") from error
        except (ValueError, UnicodeError) as error:
            ended = any(words in str(error) for words in ("exhausted", "not enough data", "remain"))
            raise (EOFError if ended else pickle.UnpicklingError)(f"corrupt file: {error}") from error

    def pop(self) -> object:
        """The top of the stack."""
        value = self.stack.pop()
        if isinstance(value, Mark):
            raise pickle.UnpicklingError("corrupt file: unexpected mark in the pickle")
        return value

    def pop_mark(self) -> list:
        """What is above the last mark."""
        for at in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[at], Mark):
                items = self.stack[at + 1:]
                del self.stack[at:]
                return items
        raise pickle.UnpicklingError("corrupt file: no mark in the pickle")

    def protocol(self, version: int) -> None:
        """Newer pickles may use instructions that are refused."""
        if version != PROTOCOL:
            warnings.warn(f"Detected pickle protocol {version} in the checkpoint, which was not the default pickle protocol used by `torch.load` "
                          f"({PROTOCOL}). The weights_only Unpickler might not support all instructions implemented by this protocol, please file "
                          "an issue for adding support if you encounter this.", stacklevel=4)

    def push(self, value: object) -> None:
        """A value."""
        self.stack.append(value)

    def push_old_text(self, value: str) -> None:
        """A text of Python 2."""
        self.stack.append(value.encode("latin-1").decode(self.encoding))

    def put(self, at: int | None) -> None:
        """Remember the top of the stack."""
        self.memo[len(self.memo) if at is None else at] = self.stack[-1]

    def get(self, at: int) -> None:
        """Push what was remembered."""
        self.stack.append(self.memo[at])

    def tuple(self, count: int | None) -> None:
        """A tuple of the top items."""
        if count is None:
            return self.push(tuple(self.pop_mark()))
        items = [self.pop() for _ in range(count)]
        return self.push(tuple(items[::-1]))

    def append(self, items: list) -> None:
        """Extend the list on the top."""
        target = self.stack[-1]
        if type(target) is not list:
            raise failed(f"Can only append to lists, but got {type(target)}")
        target.extend(items)

    def set_items(self, items: list) -> None:
        """Keys and values for the dict on the top."""
        target = self.stack[-1]
        if type(target) not in (dict, collections.OrderedDict, collections.Counter):
            raise failed(f"Can only SETITEM for dict, collections.OrderedDict, collections.Counter, but got {type(target)}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key] = value                              # not by update, with which a Counter would add

    def add_items(self, items: list) -> None:
        """Add to the set on the top."""
        target = self.stack[-1]
        if type(target) is not set:
            raise failed(f"Can only add items to sets, but got {type(target)}")
        target.update(items)

    def name(self, module: object, name: object) -> None:
        """A class or function, if it is allowed."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise pickle.UnpicklingError("corrupt file: a name in the pickle is no text")
        module = PYTHON_2.get(module, module)
        if module in BLOCKED:
            raise blocked(module, name)
        value, callable_, full = look_up(module, name)
        if value is None:
            raise refused(full)
        if callable_:
            self.callable[id(value)] = full
        self.push(value)

    def stack_name(self) -> None:
        """A name whose parts are on the stack."""
        name = self.pop()
        self.name(self.pop(), name)

    def reduce(self) -> None:
        """Call a function that may be called."""
        arguments, function = self.pop(), self.pop()
        if id(function) not in self.callable:
            raise failed(f"Trying to call reduce for unrecognized function {function!r:.200}")
        if type(arguments) is not tuple:
            raise pickle.UnpicklingError("corrupt file: arguments that are no tuple")
        self.push(function(*arguments))                      # type: ignore[operator]

    def new(self, keywords: bool) -> None:
        """A new object of an allowed class."""
        named: Any = self.pop() if keywords else {}
        arguments: Any = self.pop()
        kind: Any = self.pop()
        plain = any(kind is known for known in (collections.OrderedDict, collections.Counter, set))
        if not plain and not (isinstance(kind, type) and self._users(kind)):
            raise failed(f"Can only create new object for nn.Parameter or classes allowlisted via `add_safe_globals` but got {kind!r:.200}")
        self.push(kind.__new__(kind, *arguments, **named))

    def _users(self, kind: object) -> bool:
        return any(kind is value for value in self.user.values())

    def build(self) -> None:
        """Give an object its state."""
        state, target = self.pop(), self.stack[-1]
        if type(target) is collections.OrderedDict:
            return _set_attributes(target, state)
        if not self._users(type(target)):
            raise failed(f"Can only build Tensor, Parameter, OrderedDict or types allowlisted via `add_safe_globals`, but got {type(target)}")
        restore = getattr(target, "__setstate__", None)
        if restore is not None:
            return restore(state)
        named, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        if named:
            vars(target).update(named)
        for name, value in (slots or {}).items():
            setattr(target, name, value)
        return None

    def storage(self) -> None:
        """A storage, by its identity."""
        identity = self.pop()
        if not isinstance(identity, tuple):
            raise failed(f"persistent_load id must be tuple or int, but got {type(identity)}")
        if not identity or identity[0] not in ("storage", b"storage"):
            raise failed(f"Only persistent_load of storage is allowed, but got {type(identity[0]) if identity else identity}")
        self.push(self.persistent_load(identity))


def _set_attributes(target: collections.OrderedDict, state: object) -> None:
    if not isinstance(state, dict) or not all(isinstance(name, str) and not hasattr(collections.OrderedDict, name) for name in state):
        raise failed("Can only set attributes of an OrderedDict that are its own")
    vars(target).update(state)


Run = Callable[[Any, Any], object]


def _pushes(make: Callable[[], object]) -> Run:
    return lambda u, _: u.push(make())


INSTRUCTIONS: dict[str, Run] = {
    "PROTO": lambda u, version: u.protocol(version), "FRAME": lambda u, _: None, "STOP": lambda u, _: None, "MARK": _pushes(Mark),
    "NONE": _pushes(lambda: None), "NEWTRUE": _pushes(lambda: True), "NEWFALSE": _pushes(lambda: False), "EMPTY_TUPLE": _pushes(tuple),
    "EMPTY_LIST": _pushes(list), "EMPTY_DICT": _pushes(dict), "EMPTY_SET": _pushes(set),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
                     "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), WeightsUnpickler.push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), WeightsUnpickler.push_old_text),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), WeightsUnpickler.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), WeightsUnpickler.get),
    "TUPLE": WeightsUnpickler.tuple, "TUPLE1": lambda u, _: u.tuple(1), "TUPLE2": lambda u, _: u.tuple(2),
    "TUPLE3": lambda u, _: u.tuple(3), "LIST": lambda u, _: u.push(u.pop_mark()),
    "DICT": lambda u, _: u.push(_as_dict(u.pop_mark())), "FROZENSET": lambda u, _: u.push(frozenset(u.pop_mark())),
    "APPEND": lambda u, _: u.append([u.pop()]), "APPENDS": lambda u, _: u.append(u.pop_mark()),
    "SETITEM": lambda u, _: u.set_items([u.pop(), u.pop()][::-1]), "SETITEMS": lambda u, _: u.set_items(u.pop_mark()),
    "ADDITEMS": lambda u, _: u.add_items(u.pop_mark()),
    "GLOBAL": lambda u, place: u.name(*str(place).split(" ", 1)), "STACK_GLOBAL": lambda u, _: u.stack_name(),
    "POP": lambda u, _: u.stack.pop(), "POP_MARK": lambda u, _: u.pop_mark(), "DUP": lambda u, _: u.push(u.stack[-1]),
    "REDUCE": lambda u, _: u.reduce(), "NEWOBJ": lambda u, _: u.new(False), "NEWOBJ_EX": lambda u, _: u.new(True),
    "BUILD": lambda u, _: u.build(), "BINPERSID": lambda u, _: u.storage()}


def _as_dict(items: list) -> dict:
    return dict(zip(items[::2], items[1::2], strict=True))


class Inert:
    """Whatever a pickle makes, while it is only looked through."""

    def __init__(self, *arguments: object) -> None:
        """Nothing."""


class Outline(WeightsUnpickler):
    """Looks through a pickle for its storages: resolves no name, calls nothing."""

    def append(self, items: list) -> None:
        """Items are dropped."""

    set_items = add_items = append

    def name(self, module: object, name: object) -> None:
        """Only types of storages matter."""
        self.push(mentioned_storage(module, name) or Inert)

    def reduce(self) -> None:
        """The result of a call."""
        self.stack[-2:] = [Inert()]

    def new(self, keywords: bool) -> None:
        """A new object."""
        self.stack[-3 if keywords else -2:] = [Inert()]

    def build(self) -> None:
        """State is dropped."""
        self.pop()

    def storage(self) -> None:
        """A storage, or the class of a module."""
        self.push(self.persistent_load(self.pop()))          # type: ignore[arg-type]


def storages_in(file: IO[bytes]) -> list[tuple]:
    """The persistent identities in a pickle."""
    found: list[tuple] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                      # about the protocol: said when the pickle is read
        Outline(file, found.append).load()
    return found


def names_in(file: IO[bytes]) -> list[tuple[str, str]]:
    """The names that a pickle mentions, without interpreting it."""
    found: list[tuple[str, str]] = []
    texts: list[str] = [""]
    memo: dict[object, str] = {}
    for instruction, argument, _ in pickletools.genops(file):
        kind = instruction.name
        if kind == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            found.append((module, name))
        elif kind == "STACK_GLOBAL":
            found.append((texts[-2], texts[-1]))
        elif "UNICODE" in kind:
            texts.append(str(argument))
        elif kind == "MEMOIZE" or "PUT" in kind:
            memo[len(memo) if argument is None else argument] = texts[-1]
        elif "GET" in kind and argument in memo:
            texts.append(memo[argument])
    return list(dict.fromkeys(found))
