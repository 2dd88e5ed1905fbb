"""Tests of an operator of one's own: whether it does what its schema and its other kernels say (`torch.library.opcheck`)."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.ops import ANY, DEFINED
from jtorch.utils._pytree import tree_leaves, tree_map_only


class OpCheckError(Exception):
    """An operator does not do what it says."""


def _test_schema(op: Any, args: tuple, kwargs: dict[str, Any], tolerances: dict) -> None:
    named = dict(zip(re.findall(r"(\w+)(?:=[^,)]*)?(?=[,)])", str(op._schema).split(" ->")[0]), args, strict=False)) | kwargs
    changed = set(re.findall(r"!\)[?\[\]]* (\w+)", str(op._schema)))
    before = {n: [x.detach().clone() for x in tree_leaves(value) if isinstance(x, Tensor)] for n, value in named.items()}
    op(*args, **kwargs)
    for name, old in before.items():
        new = [x for x in tree_leaves(named[name]) if isinstance(x, Tensor)]
        if name not in changed and not all(torch.equal(a, b.detach()) for a, b in zip(old, new, strict=True)):
            raise RuntimeError(f"Argument {name} is not defined as mutable but was mutated")


def _test_autograd(op: Any, args: tuple, kwargs: dict[str, Any], tolerances: dict) -> None:
    if any(isinstance(x, Tensor) and x.requires_grad for x in tree_leaves([args, kwargs])):
        results = [x for x in tree_leaves(op(*args, **kwargs)) if isinstance(x, Tensor) and x.is_floating_point()]
        if results and not any(x.requires_grad for x in results):
            raise AssertionError(f"{op} gives results without gradients for arguments that require them")


def _test_fake(op: Any, args: tuple, kwargs: dict[str, Any], tolerances: dict) -> None:
    operator = DEFINED[getattr(op, "_qualname", None) or op.name()]
    if operator.fake is None and (hasattr(op, "_qualname") or ANY not in operator.kernels):
        raise RuntimeError(f"There was no fake impl registered for {op}. Please use `{operator.name}.register_fake` to add an fake impl.")
    found = tree_leaves(op(*args, **kwargs))
    fake = tree_leaves((operator.fake or operator.kernels[ANY])(*_on_meta(args), **_on_meta(kwargs)))
    for a, b in zip(found, fake, strict=True):
        if a.shape != b.shape:
            raise RuntimeError(f"When comparing the output of {op} on FakeTensor and concrete Tensors, found mismatched tensor metadata: Shapes {a.shape} and "
                               f"{b.shape} are not equal!")
        if a.dtype != b.dtype:
            raise RuntimeError(f"When comparing the output of {op} on FakeTensor and concrete Tensors, found mismatched tensor metadata: Dtypes {a.dtype} and "
                               f"{b.dtype} are not equal!")


def _on_meta(given: Any) -> Any:
    return tree_map_only(Tensor, lambda x: torch.empty_like(x, device="meta"), given)


def _test_compiled(op: Any, args: tuple, kwargs: dict[str, Any], tolerances: dict) -> None:
    def run(call: Callable) -> list:
        given = tree_map_only(Tensor, lambda x: x.detach().clone().requires_grad_(x.requires_grad), [args, kwargs])
        results = [x for x in tree_leaves(call(*given[0], **given[1])) if isinstance(x, Tensor)]
        leaves, heads = [x for x in tree_leaves(given) if isinstance(x, Tensor) and x.requires_grad], [r.sum() for r in results if r.requires_grad]
        return [*results, *(torch.autograd.grad(heads, leaves, allow_unused=True) if heads else ())]
    torch.testing.assert_close(run(torch.compile(lambda *a, **k: op(*a, **k))), run(op), **tolerances)


TESTS = {"test_schema": _test_schema, "test_autograd_registration": _test_autograd, "test_faketensor": _test_fake,
         "test_aot_dispatch_static": _test_compiled, "test_aot_dispatch_dynamic": _test_compiled}
USUAL = "test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"


def opcheck(op: Any, args: tuple, kwargs: dict[str, Any] | None = None, *, test_utils: str | Sequence[str] = USUAL, raise_exception: bool = True,
            atol: float | None = None, rtol: float | None = None) -> dict[str, Any]:
    """Test an operator with these arguments, in the ways that `test_utils` names.  Raises OpCheckError, or where it is not to, gives what is wrong.

    test_schema                    no argument changes but those that the schema names, and the results have memory of their own
    test_autograd_registration     gradients flow back where arguments ask for them
    test_faketensor                the fake kernel gives shapes and types of the results
    test_aot_dispatch_static, …    `torch.compile` gives the same results and gradients, as far as `atol` and `rtol` say
    """
    wanted = (test_utils,) if isinstance(test_utils, str) else tuple(test_utils)
    if not set(wanted) <= set(TESTS):
        raise ValueError(f"opcheck(op, ..., test_utils={wanted}), expected test_utils to be subset of {tuple(TESTS)} but it was not")
    if isinstance(op, str) or not hasattr(op, "_schema"):
        raise ValueError(f"opcheck(op, ...): op must be instance of torch._ops.OpOverload, e.g. torch.ops.aten.sin.default, got {type(op)}")
    found: dict[str, Any] = {}
    for name in wanted:
        try:
            TESTS[name](op, args, kwargs or {}, {"atol": atol, "rtol": rtol})
        except (RuntimeError, AssertionError, NotImplementedError, TypeError, ValueError) as error:
            if raise_exception:
                raise OpCheckError(f"opcheck(op, ...): {name} failed with {error}") from error
            found[name] = error
        else:
            found[name] = "SUCCESS"
    return found
