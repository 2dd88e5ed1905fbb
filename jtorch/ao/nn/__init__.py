"""`torch.ao.nn`: of quantised layers those that work with plain tensors."""
from . import quantized as quantized
