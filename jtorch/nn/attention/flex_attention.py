"""Attention whose scores and masks are functions of positions (`torch.nn.attention.flex_attention`).

`score_mod` and `mask_mod` are written for one score; `torch.vmap` applies them to all, and XLA fuses them into the softmax.
"""
from __future__ import annotations

import inspect
import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, NotRequired, Self, TypedDict

import jtorch as torch
from jtorch import Tensor
from jtorch._core import layout

__all__ = ["BlockMask", "flex_attention", "AuxOutput", "AuxRequest", "FlexKernelOptions", "create_block_mask", "create_mask", "or_masks", "and_masks",
           "noop_mask"]

_score_mod_signature = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
_mask_mod_signature = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
_DEFAULT_SPARSE_BLOCK_SIZE = 128
BACKENDS = "AUTO", "TRITON", "FLASH", "TRITON_DECODE"
ONE_AXIS_EACH = (None, None, None, 0), (None, None, 0, None), (None, 0, None, None), (0, None, None, None)
Index = int | slice | Tensor
SLICED = "Cannot use mask_mod from a sliced BlockMask"
MORE = ("...\nTo print out more, set BlockMask.to_string(limit=N)\n"
        "You can also index (BlockMask[batch, head]) to choose a specific batch or head")


class FlexKernelOptions(TypedDict, total=False):
    """Hints to PyTorch's kernels; XLA chooses for itself."""
    num_warps: NotRequired[int]
    num_stages: NotRequired[int]
    BLOCK_M: NotRequired[int]
    BLOCK_N: NotRequired[int]
    BLOCK_M1: NotRequired[int]
    BLOCK_N1: NotRequired[int]
    BLOCK_M2: NotRequired[int]
    BLOCK_N2: NotRequired[int]
    PRESCALE_QK: NotRequired[bool]
    ROWS_GUARANTEED_SAFE: NotRequired[bool]
    BLOCKS_ARE_CONTIGUOUS: NotRequired[bool]
    WRITE_DQ: NotRequired[bool]
    FORCE_USE_FLEX_ATTENTION: NotRequired[bool]
    USE_TMA: NotRequired[bool]
    kpack: NotRequired[int]
    matrix_instr_nonkdim: NotRequired[int]
    waves_per_eu: NotRequired[int]
    BACKEND: NotRequired[str]


class AuxRequest(NamedTuple):
    """What `flex_attention` is to give besides its result."""
    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for: the logarithm of each row's sum of exponentials, and its greatest score, (B, H, L)."""
    lse: Tensor | None = None
    max_scores: Tensor | None = None


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The mask that masks nothing."""
    return batch.new_ones((), dtype=torch.bool)


def and_masks(*mask_mods: _mask_mod_signature) -> _mask_mod_signature:
    """The mask of what all of these let through.

    >>> near = and_masks(lambda b, h, q, kv: q >= kv, lambda b, h, q, kv: q - kv < 2)
    >>> create_mask(near, 1, 1, 3, 3)[0, 0]
    tensor([[ True, False, False],
            [ True,  True, False],
            [False,  True,  True]])
    """
    _check_callable(mask_mods)

    def and_mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        result = b.new_ones((), dtype=torch.bool)
        for mask in mask_mods:
            result = result & mask(b, h, q_idx, kv_idx)
        return result
    return and_mask


def or_masks(*mask_mods: _mask_mod_signature) -> _mask_mod_signature:
    """The mask of what one of these lets through.

    >>> either = or_masks(lambda b, h, q, kv: q >= kv, lambda b, h, q, kv: kv == 2)
    >>> create_mask(either, 1, 1, 3, 3)[0, 0]
    tensor([[ True, False,  True],
            [ True,  True,  True],
            [ True,  True,  True]])
    """
    _check_callable(mask_mods)

    def or_mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        result = b.new_zeros((), dtype=torch.bool)
        for mask in mask_mods:
            result = result | mask(b, h, q_idx, kv_idx)
        return result
    return or_mask


def _check_callable(mask_mods: tuple) -> None:
    if not all(callable(mask) for mask in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")


def _sliced_mask_mod_error(batch: Any, head: Any, token_q: Any, token_kv: Any) -> NoReturn:
    raise RuntimeError(f"{SLICED}. When you slice a BlockMask using [], the mask_mod attribute is reset. "
                       "You must set it from the original BlockMask's mask_mod.")


# Blocks

def _ordered(dense: Tensor) -> tuple[Tensor, Tensor]:
    """How many of each row's columns are set, and the columns, those first.    dense: (*, R, C)  ->  (*, R), (*, R, C)"""
    return dense.sum(-1).to(torch.int32), dense.to(torch.int32).argsort(-1, descending=True, stable=True).to(torch.int32)


def _dense(count: Tensor, columns: Tensor) -> Tensor:
    """1 in the first `count` of each row's columns.    count: (*, R), columns: (*, R, C)  ->  (*, R, C)"""
    size = columns.shape[-1]
    listed = torch.arange(size, device=columns.device) < count[..., None]
    target = torch.where(listed, columns, size).long()       # what is not listed goes to one more column
    return columns.new_zeros((*columns.shape[:-1], size + 1), dtype=torch.int32).scatter(-1, target, 1)[..., :-1]


def _sizes(block_size: int | tuple[int, int]) -> tuple[int, int]:
    """The sizes of blocks of queries and of keys."""
    if isinstance(block_size, int):
        return block_size, block_size
    rows, columns = block_size
    return rows, columns


class BlockMask:
    """A mask, and which of its blocks are empty (in neither list), full (in the lists full_…) or partly masked (in the others).

    seq_lengths                   the numbers of queries and keys, L and S
    kv_num_blocks, kv_indices     for each block of queries, how many blocks of keys it sees and which: (B, H, R), (B, H, R, C)
    q_num_blocks, q_indices       the same for each block of keys
    dq_write_order…, dq_kv_order… are kept as given: in jtorch no kernel needs an order to write gradients in
    BLOCK_SIZE                    how many queries and keys a block has
    mask_mod                      the mask itself; it alone decides what `flex_attention` masks, as where PyTorch runs without its compiler

    >>> mask = create_block_mask(lambda b, h, q, kv: q >= kv, None, None, 256, 256)
    >>> mask.shape, mask.sparsity()
    ((1, 1, 256, 256), 25.0)
    >>> print(mask.to_dense())
    tensor([[[[1, 0],
              [1, 1]]]], dtype=torch.int32)
    """
    LISTS = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices", "full_q_num_blocks", "full_q_indices")
    ORDERS = "dq_write_order", "dq_write_order_full", "dq_kv_order", "dq_kv_order_spt"

    def __init__(self, seq_lengths: tuple[int, int], kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None,
                 full_kv_indices: Tensor | None, q_num_blocks: Tensor | None, q_indices: Tensor | None, full_q_num_blocks: Tensor | None,
                 full_q_indices: Tensor | None, BLOCK_SIZE: tuple[int, int] = (_DEFAULT_SPARSE_BLOCK_SIZE, _DEFAULT_SPARSE_BLOCK_SIZE),
                 mask_mod: _mask_mod_signature = noop_mask, *, dq_write_order: Tensor | None = None, dq_write_order_full: Tensor | None = None,
                 dq_kv_order: Tensor | None = None, dq_kv_order_spt: bool | None = None) -> None:
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        _check_both("full_kv", full_kv_num_blocks, full_kv_indices)
        _check_both("full_q", full_q_num_blocks, full_q_indices)
        self.seq_lengths, self.BLOCK_SIZE, self.mask_mod = seq_lengths, BLOCK_SIZE, mask_mod
        self.kv_num_blocks, self.kv_indices, self.full_kv_num_blocks, self.full_kv_indices = kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices, self.full_q_num_blocks, self.full_q_indices = q_num_blocks, q_indices, full_q_num_blocks, full_q_indices
        self.dq_write_order, self.dq_write_order_full = dq_write_order, dq_write_order_full
        self.dq_kv_order, self.dq_kv_order_spt = dq_kv_order, dq_kv_order_spt

    @classmethod
    def from_kv_blocks(cls, kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None = None, full_kv_indices: Tensor | None = None,
                       BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, mask_mod: _mask_mod_signature | None = None,
                       seq_lengths: tuple[int, int] | None = None, compute_q_blocks: bool = True, *, dq_write_order: Tensor | None = None,
                       dq_write_order_full: Tensor | None = None, dq_kv_order: Tensor | bool | None = None) -> Self:
        """The mask of these blocks; which blocks of queries see each block of keys follows from them."""
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        _check_both("full_kv", full_kv_num_blocks, full_kv_indices)
        sizes = _sizes(BLOCK_SIZE)
        pairs = (kv_num_blocks, kv_indices), (full_kv_num_blocks, full_kv_indices)
        turned = [_ordered(_dense(*pair).mT.contiguous()) if compute_q_blocks and pair[0] is not None else (None, None) for pair in pairs]
        rows, columns = kv_indices.shape[-2:]
        spt = dq_kv_order if isinstance(dq_kv_order, bool) else None
        return cls(seq_lengths or (rows * sizes[0], columns * sizes[1]), *pairs[0], *pairs[1], *turned[0], *turned[1], sizes, mask_mod or noop_mask,
                   dq_write_order=dq_write_order, dq_write_order_full=dq_write_order_full,
                   dq_kv_order=None if spt is not None else dq_kv_order, dq_kv_order_spt=spt)

    def _with(self, tensors: Callable[[Tensor], Tensor]) -> Self:
        """A copy whose tensors are what the function makes of these."""
        changed = {name: tensors(x) if isinstance(x := getattr(self, name), Tensor) else x for name in (*self.LISTS, *self.ORDERS)}
        return type(self)(self.seq_lengths, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=self.mask_mod, **changed)

    def as_tuple(self, flatten: bool = True) -> tuple[Any, ...]:
        """The arguments that make it; with `flatten` the pairs among them as two."""
        inner = *[getattr(self, name) for name in (*self.LISTS, *self.ORDERS)],
        return (*self.seq_lengths, *inner, *self.BLOCK_SIZE, self.mask_mod) if flatten else (self.seq_lengths, *inner, self.BLOCK_SIZE, self.mask_mod)

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, L, S)"""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """How many scores there are."""
        return math.prod(self.shape)

    def sparsity(self) -> float:
        """How many percent of the scores lie in empty blocks; below zero where blocks reach beyond the last query or key."""
        blocks = sum(int(count.sum()) for count in (self.kv_num_blocks, self.full_kv_num_blocks) if count is not None)
        return 100 * (1 - blocks * math.prod(self.BLOCK_SIZE) / self.numel())

    def to_dense(self) -> Tensor:
        """1 for each block that is not empty.    -> (B, H, R, C)"""
        partial = _dense(self.kv_num_blocks, self.kv_indices)
        return partial if self.full_kv_num_blocks is None else partial | _dense(self.full_kv_num_blocks, self.full_kv_indices)

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Self:
        """The mask of some batches, heads and blocks of queries.  Its `mask_mod` raises: positions are others there."""
        indices = index if isinstance(index, tuple) else (index,)
        kept = tuple([slice(at, at + 1 or None) if isinstance(at, int) else at for at in indices[:3]])
        lists = [None if x is None else x[kept] for x in (self.kv_num_blocks, self.kv_indices, self.full_kv_num_blocks, self.full_kv_indices)]
        return type(self).from_kv_blocks(*lists, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=_sliced_mask_mod_error, seq_lengths=self.seq_lengths,
                                         compute_q_blocks=self.q_indices is not None)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> Self:
        """The upper left corner of it."""
        rows, columns = -(-new_q_len // self.BLOCK_SIZE[0]), -(-new_kv_len // self.BLOCK_SIZE[1])
        pairs = (self.kv_num_blocks, self.kv_indices), (self.full_kv_num_blocks, self.full_kv_indices)
        cut = [(None, None) if count is None else _ordered(_dense(count, which)[..., :rows, :columns]) for count, which in pairs]
        return type(self).from_kv_blocks(*cut[0], *cut[1], BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=self.mask_mod, seq_lengths=(new_q_len, new_kv_len))

    def to(self, device: torch.device | str) -> BlockMask:
        """A copy on a device; tensors that `mask_mod` looks at stay where they are."""
        return self._with(lambda x: x.to(device))

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture of at most `limit` heads, each of at most `grid_size` cells (-1 for all): full of blocks, partly (░), or empty."""
        grid, dense = _sizes(grid_size), self.to_dense()
        parts: list[str] = []
        for number, at in enumerate(itertools.product(*map(range, dense.shape[:-2]))):
            if number >= limit:
                return "\n".join([*parts, MORE])
            parts.append(f"{at}\n{_picture(dense[at].tolist(), *grid)}")
        return "\n".join(parts)

    def __str__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string().strip()}\n)"

    def __repr__(self) -> str:
        lists = [f"{name}={getattr(getattr(self, name), 'shape', None)}" for name in self.LISTS]
        name = getattr(self.mask_mod, "__name__", self.mask_mod)
        facts = *lists, f"BLOCK_SIZE={self.BLOCK_SIZE}", f"shape={self.shape}", f"sparsity={self.sparsity():.2f}%", f"mask_mod={name}"
        return "BlockMask(\n    " + ",\n    ".join(facts) + "\n)"


def _check_both(name: str, count: Tensor | None, columns: Tensor | None) -> None:
    assert (count is None) == (columns is None), f"{name}_num_blocks and {name}_indices must be both provided or omitted"


def _picture(blocks: list[list[int]], rows: int, columns: int) -> str:
    """A grid of cells, each of several blocks.    blocks: (R, C), 1 where not empty"""
    height = 1 if rows == -1 else -(-len(blocks) // rows)
    width = 1 if columns == -1 else -(-len(blocks[0]) // columns) if blocks else 1
    lines = []
    for top in range(0, len(blocks), max(height, 1)):
        cells = [[x for row in blocks[top:top + height] for x in row[left:left + width]] for left in range(0, len(blocks[top]), width)]
        lines.append("".join("██" if all(cell) else "░░" if any(cell) else "  " for cell in cells) + "\n")
    return "".join(lines)


# Masks

def _positional(mod_fn: Callable) -> int:
    """How many arguments a function wants: 4 are a mask's, 5 a score's."""
    wanted = [p for p in inspect.signature(mod_fn).parameters.values()
              if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    assert len(wanted) in (4, 5), f"Expected 4 or 5 positional args, got {len(wanted)}"
    return len(wanted)


def _over_all(mod_fn: Callable, lead: tuple = ()) -> Callable:
    """A function of one position as a function of four vectors of positions, after arguments that have all four dimensions."""
    for dims in ONE_AXIS_EACH:
        mod_fn = torch.vmap(mod_fn, in_dims=(*lead, *dims))
    return mod_fn


def _positions(sizes: tuple[int, ...], device: Any, dtype: torch.dtype | None = None) -> list[Tensor]:
    return [torch.arange(size, device=device, dtype=dtype) for size in sizes]


def _usual(device: Any) -> Any:
    """The device, by default the accelerator where there is one."""
    return device or torch.accelerator.current_accelerator() or "cpu"


def create_mask(mod_fn: _score_mod_signature | _mask_mod_signature, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int,
                device: torch.device | str | None = None) -> Tensor:
    """What a `mask_mod` lets through, or where the scores of a `score_mod` are not -inf.    -> (B, H, Q_LEN, KV_LEN)

    >>> create_mask(lambda b, h, q, kv: q >= kv, None, None, 2, 3)
    tensor([[[[ True, False, False],
              [ True,  True, False]]]])
    """
    device = _usual(device)
    shape = 1 if B is None else B, 1 if H is None else H, Q_LEN, KV_LEN
    positions = _positions(shape, device)
    if _positional(mod_fn) == 4:
        return _over_all(mod_fn)(*positions)
    return ~torch.isneginf(_over_all(mod_fn, (0,))(torch.zeros(shape, device=device), *positions))


def create_block_mask(mask_mod: _mask_mod_signature, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: torch.device | str | None = None,
                      BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, _compile: bool = False, separate_full_blocks: bool = True,
                      compute_dq_write_order: bool = False, dq_kv_order: bool = True) -> BlockMask:
    """The blocks of a mask.  B, H: None where the mask is the same for all batches or heads

    >>> create_block_mask(lambda b, h, q, kv: q >= kv, None, None, 256, 256, BLOCK_SIZE=64).kv_num_blocks
    tensor([[[1, 1, 1, 1]]], dtype=torch.int32)
    """
    assert _positional(mask_mod) == 4, f"create-block_mask requires a mask_mod function! Got {mask_mod}"
    rows, columns = _sizes(BLOCK_SIZE)
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    assert mask.dtype == torch.bool, f"mask.dtype must be torch.bool, got {mask.dtype}"
    padded = torch.nn.functional.pad(mask, (0, -KV_LEN % columns, 0, -Q_LEN % rows))
    counts = padded.unflatten(-1, (-1, columns)).unflatten(-3, (-1, rows)).sum((-3, -1))
    full = counts == rows * columns if separate_full_blocks else torch.zeros_like(counts, dtype=torch.bool)
    return BlockMask.from_kv_blocks(*_ordered((counts > 0) & ~full), *(_ordered(full) if separate_full_blocks else (None, None)),
                                    BLOCK_SIZE=(rows, columns), mask_mod=mask_mod, seq_lengths=(Q_LEN, KV_LEN))


# Attention

def flex_attention(query: Tensor, key: Tensor, value: Tensor, score_mod: _score_mod_signature | None = None, block_mask: BlockMask | None = None,
                   scale: float | None = None, enable_gqa: bool = False, return_lse: bool = False, kernel_options: FlexKernelOptions | None = None, *,
                   return_aux: AuxRequest | None = None) -> Tensor | tuple[Tensor, Tensor] | tuple[Tensor, AuxOutput]:
    """`softmax(score_mod(query @ key.T * scale)) @ value` (Dong et al. 2024, arXiv:2412.05496).  A row that is masked everywhere gives zeros.

    query: (B, H, L, E), key: (B or 1, H, S, E), value: (B or 1, H, S, V)  ->  (B, H, L, V)
    score_mod   of a score, its batch, its head, and the positions of its query and key;  block_mask: which scores count
    enable_gqa  there may be fewer heads of key and value than of query;  return_lse: with the logarithm of each row's sum of exponentials

    >>> q, k, v = torch.ones(1, 1, 2, 4), torch.ones(1, 1, 2, 4), torch.eye(2)[None, None]
    >>> flex_attention(q, k, v, lambda score, b, h, q_idx, kv_idx: torch.where(q_idx >= kv_idx, score, -torch.inf))
    tensor([[[[1.0000, 0.0000],
              [0.5000, 0.5000]]]])
    """
    _check(query, key, value, enable_gqa, block_mask)
    if return_lse and return_aux is not None:
        raise ValueError("Cannot specify both return_lse and return_aux. return_lse is deprecated, please use return_aux=AuxRequest(lse=True) instead.")
    if return_lse:
        warnings.warn("return_lse is deprecated and will be removed in v2.10. Please use return_aux=AuxRequest(lse=True) instead.", FutureWarning, stacklevel=2)
    _check_length(query, key, block_mask)
    backend = dict(kernel_options or {}).get("BACKEND", "AUTO")
    if backend not in BACKENDS:
        raise ValueError(f"Invalid BACKEND value '{backend}'. Must be one of {BACKENDS}")
    wants = return_aux or AuxRequest(lse=return_lse)
    asked_lse, asked_greatest = wants.lse, wants.max_scores
    if enable_gqa:
        key, value = (x.repeat_interleave(query.shape[1] // key.shape[1], 1) for x in (key, value))
    scores = _scores(query, key, score_mod, block_mask, query.shape[-1] ** -0.5 if scale is None else scale)
    empty = (scores == -torch.inf).all(-1, keepdim=True)
    safe = torch.where(empty, 0, scores)                     # else the gradient of such a row would be nan
    weights = torch.where(empty, 0, safe.softmax(-1))
    made = weights.to(query.dtype) @ value.to(query.dtype)
    out = layout.lay(made, layout.ordered(made.shape, layout.in_memory(query.stride())))   # as the queries lie
    if not return_lse and return_aux is None:
        return out
    lse = torch.where(empty[..., 0], -torch.inf, safe.logsumexp(-1)) if asked_lse else None
    return (out, lse) if return_lse else (out, AuxOutput(lse, scores.detach().amax(-1) if asked_greatest else None))


def _scores(query: Tensor, key: Tensor, score_mod: Callable | None, block_mask: BlockMask | None, scale: float) -> Tensor:
    """The scores, -inf where they do not count; of float64 for such queries, else of float32.    -> (B, H, L, S)"""
    dtype = torch.float64 if query.dtype == torch.float64 else torch.float32
    scores = query.to(dtype) @ key.to(dtype).mT * scale
    positions = _positions(scores.shape, query.device, torch.int32)
    if score_mod is not None:
        scores = _over_all(score_mod, (0,))(scores, *positions)
    if block_mask is not None and block_mask.mask_mod is not noop_mask:
        scores = torch.where(_over_all(block_mask.mask_mod)(*positions), scores, -torch.inf)
    return scores if scores.is_floating_point() else scores.to(dtype)


def _check(query: Tensor, key: Tensor, value: Tensor, enable_gqa: bool, block_mask: BlockMask | None) -> None:
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"Expect query and key/value to have the same embedding dimension but got E={query.shape[-1]} and E={key.shape[-1]}.")
    if query.device.type == "meta":
        raise ValueError("FlexAttention is only supported on CUDA, CPU, HPU, or MPS devices. Found input tensors on meta device.")
    if not query.dim() == key.dim() == value.dim() == 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    heads, kv_heads, batch, kv_batch = query.shape[1], key.shape[1], query.shape[0], key.shape[0]
    if not enable_gqa and heads != kv_heads:
        raise ValueError(f"Expect query and key/value to have the same number of heads but got Hq={heads} and Hkv={kv_heads}. "
                         "Try setting enable_gqa=True for GQA.")
    if enable_gqa and heads % kv_heads:
        raise ValueError(f"Expect number of query heads to be a multiple of kv heads for GQA but got Hq={heads} and Hkv={kv_heads}.")
    if batch == kv_batch:
        return
    if block_mask is None:
        raise ValueError("Expect query and key/value to have the same batch size, or non-none block_mask, "
                         f"but got block_mask=None, Bq={batch}, and Bkv={kv_batch}.")
    if block_mask.kv_num_blocks.shape[0] != batch:
        raise ValueError("Expect query and key/value to have the same batch size, or block_mask and query to have the same batch size, "
                         f"but got Bq={batch}, Bkv={kv_batch}, B_block_mask={block_mask.kv_num_blocks.shape[0]}.")
    if kv_batch != 1:
        raise RuntimeError(f"Bq and Bkv must broadcast. Got Bq={batch} and Bkv={kv_batch}")


def _check_length(query: Tensor, key: Tensor, block_mask: BlockMask | None) -> None:
    """Whether the mask is as long as the sequences."""
    if block_mask is None:
        return
    if block_mask.mask_mod is _sliced_mask_mod_error:        # before its length, which a slice keeps
        raise RuntimeError(SLICED)
    lengths, own = (query.shape[-2], key.shape[-2]), block_mask.shape[-2:]
    made = f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={lengths[0]} and kv_len={lengths[1]}. As the block mask was created "
    if own[0] < lengths[0] or own[1] < lengths[1]:
        raise ValueError(f"{made}for a smaller length than you're using it for, you likely need to create a new block mask.")
    if own != lengths:
        raise ValueError(f"{made}for a larger length than you're using it for, you can either 1. create a new block mask with the correct length, or 2. "
                         "'adjust' the existing block mask to the correct length by calling block_mask._adjust(q_len, kv_len). This essentially 'crops' the "
                         "block mask to the upper left corner, which does not work for all mask_mods!")
