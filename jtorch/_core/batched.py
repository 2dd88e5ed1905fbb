"""What cannot be looked at inside `vmap`, where a tensor stands for each element of a batch."""
from __future__ import annotations

from .graph import Array, Aval

CONTROL_FLOW = ("vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support that yet, please file an issue at "
                "https://github.com/pytorch/pytorch/issues .")
ITEM = ("vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, please try to rewrite what you're "
        "doing with other operations. If error is occurring somewhere inside PyTorch internals, please file a bug report.")
DYNAMIC = ("vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over aten::{}. Please file an issue at "
           "https://github.com/pytorch/pytorch/issues if you need this feature.")
NO_STORAGE = "Cannot access data pointer of Tensor that doesn't have storage"
TEXTS = {"bool": CONTROL_FLOW, "item": ITEM, "values": NO_STORAGE, "numpy()": NO_STORAGE, "dlpack": NO_STORAGE, "storage": NO_STORAGE,
         "allclose": "vmap over torch.allclose isn't supported yet. Please file an issue at https://github.com/pytorch/pytorch/issues if you need this "
                     "feature.",
         "one_hot": "When vmap-ing torch.nn.functional.one_hot, please provide an explicit positive num_classes argument.",
         "equal": "Batching rule not implemented for aten::equal. We could not generate a fallback.",
         "rrelu": "vmap: we do not yet support aten::rrelu. Please file an issue", "where": DYNAMIC.format("where"),
         "nonzero": DYNAMIC.format("nonzero"), "unique": DYNAMIC.format("_unique2"), "unique_consecutive": DYNAMIC.format("unique_consecutive"),
         "boolean mask": "vmap: We do not support batching operators that can support dynamic shape. Attempting to batch over indexing with a boolean mask.",
         "masked_select": "vmap: Attempted to vmap over `mask` in torch.masked_select(self, mask) We cannot support this because for each batch this would "
                          "return a differently shaped Tensor. Please file an issue at https://github.com/pytorch/pytorch/issues if you need this feature."}


def is_batched(a: Aval) -> bool:
    """Whether it is one element of a batch."""
    return any(not n.dual for n in a.levels)


def refuse(a: Aval, cause: str) -> None:
    """Raise where what is to be looked at is one element of a batch."""
    if is_batched(a):
        raise RuntimeError(TEXTS.get(cause, ITEM))


def primal(array: Array, a: Aval) -> Array:
    """The array of a value alone, where it has tangents."""
    for _ in a.levels:
        array = array[0]
    return array
