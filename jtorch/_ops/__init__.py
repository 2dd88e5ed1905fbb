"""Operator declarations.  Importing the package declares all of them."""
from . import (activation, adaptive, attention, batchnorm, bits, classify, compare, ctc, distance, elementary, embed, extremes, fourier, grouped,
               householder, join, linalg, linear, loss, lu, multihead, normalize, packed, pad, pathwise, pointwise, pool, products, reduce, resample, rnn, scan, select,
               sort, views)
from . import conv
