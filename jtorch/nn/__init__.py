"""Neural networks: `Module`, layers, losses, initialisers, and functions on them."""
from __future__ import annotations

from jtorch.nn import functional, init, parallel, parameter, utils
from jtorch.nn.modules import *
from jtorch.nn.parallel import DataParallel
from jtorch.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
