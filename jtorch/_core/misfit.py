"""Arguments that do not fit: once a call has failed, the TypeError that PyTorch's argument parser would have raised."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .dtype import dtype
from .graph import Value

NUMBERS = bool | int | float | complex | np.generic
SHOWN = {"Array": "Tensor", "Tensor": "Tensor", "Scalar": "Number", "Number": "Number", "int": "int", "float": "float", "bool": "bool", "str": "str",
         "dtype": "torch.dtype", "Dims": "tuple of ints", "Shape": "tuple of ints", "Arrays": "tuple of Tensors"}


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor: this module is below theirs."""
    return hasattr(x, "_read_value") and not isinstance(x, Value)


def fits(note: str, x: Any, numbers: bool = False) -> bool:
    """Whether `x` suits a parameter annotated `note`; where `numbers` suit tensors' parameters too."""
    return any(_fits(option, x, numbers) for option in note.split(" | "))


def _fits(option: str, x: Any, numbers: bool) -> bool:
    if option == "None":
        return x is None
    if option in ("Array", "Tensor"):
        return is_tensor(x) or numbers and isinstance(x, NUMBERS)
    if option in ("Scalar", "Number"):
        return isinstance(x, NUMBERS) or is_tensor(x)
    if option == "int":
        return hasattr(x, "__index__") and not isinstance(x, bool)
    if option == "float":
        return isinstance(x, int | float | np.number) or is_tensor(x)
    if option in ("Dims", "Shape"):
        return x is None and option == "Dims" or _is_size(x)
    if option == "dtype":
        return isinstance(x, dtype) or x in (float, int, bool, complex)
    known = {"bool": bool, "str": str, "Arrays": list | tuple}.get(option)
    return known is None or isinstance(x, known)


def _is_size(x: Any) -> bool:
    if isinstance(x, Iterable) and not isinstance(x, str) and not is_tensor(x):
        return all(map(_is_size, x))
    return hasattr(x, "__index__") and not isinstance(x, bool)


def wrong_class(name: str, parameter: str, position: int | None, expected: str, given: Any) -> TypeError:
    """For an argument of a wrong class; `position` is None where it was given by name."""
    where = "" if position is None else f" (position {position})"
    return TypeError(f"{name}(): argument '{parameter}'{where} must be {expected}, not {type(given).__name__}")


def wrong_element(given: Any, place: int, argument: int = 0) -> TypeError:
    """For something else among tensors."""
    return TypeError(f"expected Tensor as element {place} in argument {argument}, but got {type(given).__name__}")


def wrong_size(name: str, parameter: str, position: int | None, given: Any) -> TypeError:
    """For sizes that are no integers."""
    parts = given if isinstance(given, list | tuple) else (given,)
    if len(parts) == 1 and not isinstance(parts[0], list | tuple):
        return wrong_class(name, parameter, position, "tuple of ints", parts[0])
    parts = parts[0] if len(parts) == 1 else parts
    place, part = next((k, p) for k, p in enumerate(parts, 1) if not _is_size(p))
    return TypeError(f"{name}(): argument '{parameter}' failed to unpack the object at pos {place} with error \"type must be tuple of ints,but got "
                     f"{type(part).__name__}\"")


def spread_by_name(function: str, name: str, given: tuple, names: dict[str, Any]) -> tuple:
    """What may be given as separate arguments, taken out of `names` by its own.  Raises TypeError where it is `given` twice, or is no sequence of integers."""
    x = names.pop(name)
    if given:
        raise TypeError(f"{function}() got multiple values for argument '{name}'")
    if not isinstance(x, list | tuple):
        raise wrong_class(function, name, None, "tuple of ints", x)
    return (x,)


def only_spread(function: str, name: str, given: tuple, names: dict[str, Any]) -> tuple:
    """The same, where nothing else has a name.  Raises TypeError for any other."""
    other = next((n for n in names if n != name), None)
    if other is not None:
        raise unexpected(function, other)
    return spread_by_name(function, name, given, names)


def miscounted(name: str, least: int, most: int, given: int) -> TypeError:
    """For too many positional arguments."""
    takes = f"from {least} to {most}" if least < most else str(most)
    return TypeError(f"{name}() takes {takes} positional argument{'s' * (least < most or most != 1)} but {given} {'was' if given == 1 else 'were'} given")


def missing(name: str, absent: Sequence[str]) -> TypeError:
    """For arguments that were not given.  PyTorch has singular and plural the wrong way round."""
    listed = ", ".join(f'"{a}"' for a in absent)
    return TypeError(f"{name}() missing {len(absent)} required positional argument{'s' * (len(absent) == 1)}: {listed}")


def unexpected(name: str, keyword: str) -> TypeError:
    """For a name that no parameter has."""
    return TypeError(f"{name}() got an unexpected keyword argument '{keyword}'")


def of_operator(op: Any, method: bool, given: Sequence) -> TypeError | None:
    """Which argument of an operator's function or method has a wrong class, if any."""
    tensors = any(map(is_tensor, given))
    for k, (p, x) in enumerate(zip(op.parameters.values(), given, strict=True)):
        note, position = str(p.annotation), None if p.kind is p.KEYWORD_ONLY else k + (not method)
        if fits(note, x, tensors and op.takes_number(not k)):
            wrong = next((n for n, part in enumerate(x) if not is_tensor(part)), None) if note.startswith("Arrays") and x is not None else None
            if wrong is not None:
                return wrong_element(x[wrong], wrong, k)
        elif note.startswith("Shape"):
            return wrong_size(op.name, p.name, position, x)
        else:
            return wrong_class(op.name, p.name, position, SHOWN[note.split(" | ")[0]], x)
    return None


def of_function(function: Callable, args: tuple, kwargs: dict) -> TypeError | None:
    """What is wrong with the arguments of a function that is written by hand, if anything."""
    name, parameters = function.__name__, inspect.signature(function).parameters
    plain = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    starred = next((p.name for p in parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    least = sum(p.default is p.empty for p in plain)
    if len(args) > len(plain) and starred is None:
        return miscounted(name, least, len(plain), len(args))
    absent = [p.name for p in plain[len(args):] if p.default is p.empty and p.name not in kwargs]
    if absent:
        return missing(name, absent)
    for keyword in kwargs:
        if keyword not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return unexpected(name, keyword)
    given = [(p.name, k, x) for k, (p, x) in enumerate(zip(plain, args, strict=False), 1)] + [(n, None, x) for n, x in kwargs.items() if n in parameters]
    if starred in ("size", "shape", "dims"):
        given.append((starred, 1, args[len(plain):]))
    for parameter, position, x in given:
        note = str(parameters[parameter].annotation)
        if parameter in ("size", "shape", "dims"):
            if not _is_size(x):
                return wrong_size(name, parameter, position, x)
        elif not fits(note, x):
            return wrong_class(name, parameter, position, SHOWN[note.split(" | ")[0]], x)
    return None


class Elsewhere:
    """Where to look for a function's form for arguments of other layouts or classes: modules above this one put it here.

    form      the form of sparse tensors, for a function's name and these arguments
    appeared  whether one of the arguments is to be asked about it, see `override`
    """
    form: Callable[[str, Sequence], Callable | None]
    appeared: Callable[[Iterable], bool]


def explaining(function: Callable) -> Callable:
    """`function`, whose errors for wrong arguments are PyTorch's."""
    if not inspect.isfunction(function) or "warnings" in inspect.unwrap(function).__code__.co_names:
        return function                                      # a frame between would make its warnings point to a wrong line

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (TypeError, AttributeError, KeyError):
            if Elsewhere.appeared((*args, *kwargs.values())):
                return call(*args, **kwargs)
            if (form := Elsewhere.form(function.__name__, (*args, *kwargs.values()))) is not None:
                return form(*args, **kwargs)
            wrong = of_function(function, args, kwargs)
            if wrong is None:
                raise
            raise wrong from None
    return call
