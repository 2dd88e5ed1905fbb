"""Operator declarations.  Importing the package declares all of them."""
from . import (activation, adaptive, attention, batchnorm, bessel, bits, cholesky, classify, compare, covariance, ctc, distance, drawn, elementary, embed, extremes, fourier, gamma, grouped,
               householder, join, linalg, linear, loss, lu, multihead, normalize, norms, orthogonal, packed, pad, pathwise, pointwise, pool, powers, products, reduce, resample, rnn, scan, select,
               segments, sort, views)
from . import conv
