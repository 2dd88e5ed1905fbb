"""Functions that are written with tensors rather than arrays.  Importing the package makes all of them public."""
from . import convert, create, draw, interchange, memory, nn, search, shape
