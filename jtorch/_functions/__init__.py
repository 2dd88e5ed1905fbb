"""Functions that are written with tensors rather than arrays.  Importing the package makes all of them public."""
from . import (activation, attention, autocast, calculus, convert, create, determinism, draw, dropout, embedding, gamma, interchange, loss, memory, normalize, parts,
               pooling, resample, rnn, search, sequences, settings, shape, signal)
