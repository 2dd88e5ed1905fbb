"""Functions that are written with tensors rather than arrays.  Importing the package makes all of them public."""
from . import (activation, attention, convert, create, draw, dropout, embedding, interchange, loss, memory, normalize, pooling, resample, rnn, search,
               shape)
