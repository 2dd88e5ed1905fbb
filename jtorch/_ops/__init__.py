"""Operator declarations.  Importing the package declares all of them."""
from . import (activation, bits, classify, compare, distance, elementary, extremes, join, linalg, linear, loss, pointwise, products, reduce, scan, select,
               sort, views)
