"""Operator declarations.  Importing the package declares all of them."""
from . import (activation, adaptive, attention, bits, classify, compare, ctc, distance, elementary, embed, extremes, join, linalg, linear, loss, lu, normalize,
               pad, pointwise, pool, products, reduce, resample, rnn, scan, select, sort, views)
from . import conv
