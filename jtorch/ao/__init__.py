"""`torch.ao` as far as models name it that can be quantised: quantised tensors are not there."""
from . import nn as nn
from . import quantization as quantization
