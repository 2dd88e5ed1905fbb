"""Selective checkpointing: results of chosen operators are kept, the others are computed again (used by `torch.utils.checkpoint`)."""
from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

from jtorch import Tensor
from jtorch.autograd.recompute import with_data
from jtorch.ops import OpOverload, namespace
from jtorch.overrides import TorchFunctionMode, resolve_name
from jtorch.utils._pytree import tree_leaves, tree_map_only

aten = namespace("aten")
# Public functions whose work PyTorch's operators do under another name
CALLED = {"conv1d": "convolution", "conv2d": "convolution", "conv3d": "convolution", "conv_transpose1d": "convolution", "conv_transpose2d": "convolution",
          "conv_transpose3d": "convolution", "softmax": "_softmax", "log_softmax": "_log_softmax", "layer_norm": "native_layer_norm",
          "batch_norm": "native_batch_norm", "group_norm": "native_group_norm", "dropout": "native_dropout"}
ATTENTION = {"cpu": "_scaled_dot_product_flash_attention_for_cpu"}
SAC_IGNORED_OPS = {aten.detach.default}


class CheckpointPolicy(Enum):
    """What becomes of an operator's results: whether they are kept, computed again, or kept in the CPU's memory.  "Prefer" leaves it to the compiler."""
    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


SAVED = {CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE}
OFFLOADED = {CheckpointPolicy.MUST_CPU_OFFLOAD, CheckpointPolicy.PREFER_CPU_OFFLOAD}


class SelectiveCheckpointContext:
    """What a policy is told: `is_recompute`, whether this is the second run, and `op_output`, the operator's results in the first."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute, self.op_output = is_recompute, op_output


def operator_of(function: Callable, args: Sequence) -> OpOverload | None:
    """PyTorch's operator that does the work of a public function on these arguments; None for what computes nothing."""
    home, _, name = (resolve_name(function) or "").rpartition(".")
    if not home or name.startswith("__"):
        return None
    sizes = [x.dim() for x in args if isinstance(x, Tensor)]
    if name == "linear":
        name = "addmm" if len(sizes) == 3 else "mm"
    elif name in ("matmul", "__matmul__"):
        name = "bmm" if len(sizes) == 2 and min(sizes) > 2 else "mm"
    elif name == "scaled_dot_product_attention":
        name = ATTENTION.get(args[0].device.type, "_scaled_dot_product_flash_attention")
    name = CALLED.get(name, name)
    return getattr(aten, name).default if hasattr(aten, name) else None


class _Chosen(TorchFunctionMode):
    """One of the two runs.  `kept` has, by operator, what the first one kept, in order."""

    def __init__(self, policy: Callable, kept: dict[OpOverload, deque], mutable: bool) -> None:
        self.policy, self.kept, self.mutable = policy, kept, mutable

    def chosen(self, function: Callable, args: tuple, kwargs: dict[str, Any], output: Any = None) -> tuple[OpOverload | None, CheckpointPolicy]:
        """The operator, and what the policy says."""
        op = operator_of(function, args)
        if op is None or op in SAC_IGNORED_OPS:
            return None, CheckpointPolicy.PREFER_RECOMPUTE
        said = self.policy(SelectiveCheckpointContext(is_recompute=output is None, op_output=output), op, *args, **kwargs)
        return op, said if isinstance(said, CheckpointPolicy) else CheckpointPolicy.MUST_SAVE if said else CheckpointPolicy.PREFER_RECOMPUTE


class _Keeping(_Chosen):
    """The first run."""

    def __torch_function__(self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        """The function's results, which are kept where the policy says so."""
        made = func(*args, **(kwargs or {}))
        if any(isinstance(x, Tensor) for x in tree_leaves(made)):
            op, policy = self.chosen(func, args, kwargs or {}, made)
            if op is not None and policy in SAVED | OFFLOADED:
                self.kept[op].append([(x.detach().cpu() if policy in OFFLOADED else x.detach(), x._version) for x in tree_leaves(made) if isinstance(x, Tensor)])
        return made


class _Kept(_Chosen):
    """The second run: gradients flow as if all were computed again, but what was kept takes the place of the results, which nothing then computes."""

    def __torch_function__(self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        """The function's results, or those that were kept."""
        made = func(*args, **(kwargs or {}))
        if not any(isinstance(x, Tensor) for x in tree_leaves(made)):
            return made
        op, policy = self.chosen(func, args, kwargs or {})
        if op is None or policy not in SAVED | OFFLOADED:
            return made
        if not self.kept[op]:
            raise RuntimeError(f"{op} encountered during backward, but not found in storage")
        kept = iter(self.kept[op].popleft())
        return tree_map_only(Tensor, lambda x: self.replaced(x, *next(kept)), made)

    def replaced(self, made: Tensor, kept: Tensor, version: int) -> Tensor:
        """The result with the data that was kept.  Raises RuntimeError where that was written to since."""
        if not self.mutable and kept.device == made.device and kept._version != version:
            raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated")
        return with_data(made, kept.to(made.device))


def create_selective_checkpoint_contexts(policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False) -> tuple[TorchFunctionMode, TorchFunctionMode]:
    """The two contexts for `checkpoint(context_fn=...)` with which chosen results are kept instead of computed again.

    policy_fn_or_list           `policy(ctx, op, *args, **kwargs)` gives a `CheckpointPolicy`; or a list of operators whose results are kept
    allow_cache_entry_mutation  whether kept results may be written to in between

    Operators are asked about as public functions call them: `op` is the one of PyTorch's that does a function's work (`torch.ops.aten.mm.default` for a
    product), where PyTorch asks about each small step too.  Where a derivative needs its own operator's result, as that of `exp` does, that is computed again.
    Raises ValueError for something else than operators in the list.

    >>> from functools import partial
    >>> products = partial(torch.utils.checkpoint.create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
    >>> w = torch.eye(2, requires_grad=True)
    >>> y = torch.utils.checkpoint.checkpoint(lambda x: (x @ w).sin(), torch.zeros(2, 2), use_reentrant=False, context_fn=products)
    >>> y.sum().backward()
    """
    if isinstance(policy_fn_or_list, list):
        for op in policy_fn_or_list:
            if not isinstance(op, OpOverload):
                raise ValueError(f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}. ")
        chosen = list(policy_fn_or_list)

        def policy(ctx: SelectiveCheckpointContext, op: OpOverload, *args: Any, **kwargs: Any) -> CheckpointPolicy:
            return CheckpointPolicy.MUST_SAVE if op in chosen else CheckpointPolicy.PREFER_RECOMPUTE
    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    kept: dict[OpOverload, deque] = defaultdict(deque)
    return _Keeping(policy, kept, allow_cache_entry_mutation), _Kept(policy, kept, allow_cache_entry_mutation)
