"""The older path to `torch.ao.nn.quantized`."""
from jtorch.ao.nn.quantized import FloatFunctional as FloatFunctional
from jtorch.ao.nn.quantized import __getattr__ as __getattr__
