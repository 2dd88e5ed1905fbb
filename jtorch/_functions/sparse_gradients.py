"""Look-ups in tables whose gradient names only the rows that were looked up."""
from __future__ import annotations

import numpy as np

from .._core.sparse import COO, host, on, tracked
from .._core.tensor import Tensor
from .sparse_values import stored_as


def looked_up(found: Tensor, index: Tensor, weight: Tensor, padding: int | None, scaled: bool) -> Tensor:
    """The rows that were `found` in `weight`, with a sparse gradient: a row for each index, in which padding is left out."""
    width = weight.shape[1]

    def backward(grad: Tensor) -> list[Tensor]:
        if scaled:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        flat, rows = index.reshape(1, -1), grad.reshape(-1, width)
        if padding is not None:
            kept, = on(grad.device, np.flatnonzero(host(flat)[0] != padding % weight.shape[0]))
            flat, rows = flat.index_select(1, kept), rows.index_select(0, kept)
        return [stored_as(COO, (flat.long(),), rows, weight.shape, "SparseCooTensorWithDimsAndTensorsBackward0")]
    return tracked("EmbeddingBackward0", [weight], found, backward)
