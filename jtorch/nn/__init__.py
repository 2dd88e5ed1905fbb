"""Neural networks: `Module`, layers, losses, initialisers, and functions on them."""
from __future__ import annotations

from jtorch.nn import (attention as attention, common_types as common_types, functional as functional, grad as grad, init as init, parallel as parallel,
                       parameter as parameter, utils as utils)
from jtorch.nn.factory import factory_kwargs as factory_kwargs
from jtorch.nn.modules import *
from jtorch.nn.parallel import DataParallel as DataParallel
from jtorch.nn.parameter import Buffer as Buffer, Parameter as Parameter, UninitializedBuffer as UninitializedBuffer, UninitializedParameter as UninitializedParameter
