"""Functions that are written with tensors rather than arrays.  Importing the package makes all of them public."""
from . import (activation, attention, autocast, calculus, conditions, convert, create, determinism, draw, dropout, embedding, gamma, indefinite, interchange, legacy, loss, memory, native, normalize, parts,
               pooling, removed, resample, rnn, scaled, search, sequences, settings, shape, signal, sparse_convert, sparse_create, sparse_elementwise, sparse_products, sparse_reduce, sparse_shape,
               sparse_values, streams, subclasses, symbolic)
