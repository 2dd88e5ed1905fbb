"""Class and function names in files are PyTorch's, so that either library opens the other's."""
from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType

import jtorch as torch

HOMES = {                                                    # PyTorch's module of each class whose place in a file is not where users find it
    "torch._C": "Generator",
    "torch.nn.parameter": "Buffer Parameter UninitializedBuffer UninitializedParameter",
    "torch.nn.modules.activation": "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish "
                                   "MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink "
                                   "Softsign Tanh Tanhshrink Threshold",
    "torch.nn.modules.adaptive": "AdaptiveLogSoftmaxWithLoss",
    "torch.nn.modules.batchnorm": "BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm",
    "torch.nn.modules.channelshuffle": "ChannelShuffle",
    "torch.nn.modules.container": "Container ModuleDict ModuleList ParameterDict ParameterList Sequential",
    "torch.nn.modules.conv": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d "
                             "LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d",
    "torch.nn.modules.distance": "CosineSimilarity PairwiseDistance",
    "torch.nn.modules.dropout": "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
    "torch.nn.modules.flatten": "Flatten Unflatten",
    "torch.nn.modules.fold": "Fold Unfold",
    "torch.nn.modules.instancenorm": "InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d",
    "torch.nn.modules.linear": "Bilinear Identity LazyLinear Linear",
    "torch.nn.modules.loss": "BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss "
                             "KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss "
                             "NLLLoss2d PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss",
    "torch.nn.modules.module": "Module",
    "torch.nn.modules.normalization": "CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
    "torch.nn.modules.padding": "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d "
                                "ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d",
    "torch.nn.modules.pixelshuffle": "PixelShuffle PixelUnshuffle",
    "torch.nn.modules.pooling": "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d "
                                "AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d "
                                "MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d",
    "torch.nn.modules.rnn": "GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
    "torch.nn.modules.sparse": "Embedding EmbeddingBag",
    "torch.nn.modules.transformer": "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer",
    "torch.nn.modules.upsampling": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
    "torch.optim": "Adafactor Muon",
    "torch.optim.optimizer": "Optimizer",
    "torch.optim.lr_scheduler": "ChainedScheduler ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR ExponentialLR LRScheduler "
                                "LambdaLR LinearLR MultiStepLR MultiplicativeLR OneCycleLR PolynomialLR ReduceLROnPlateau SequentialLR StepLR",
    "torch.optim.swa_utils": "AveragedModel SWALR",
    **{f"torch.optim.{name.lower()}": name for name in (
        "Adadelta", "Adagrad", "Adam", "Adamax", "AdamW", "ASGD", "LBFGS", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")},
    "torch.optim.sparse_adam": "SparseAdam",
}
HOME = {name: module for module, names in HOMES.items() for name in names.split()}
DOORS = "torch.nn.functional", "torch.linalg", "torch.special", "torch.fft", "torch"   # where functions are public
SHORTER = ("torch.nn.modules.", "torch.nn"), ("torch.nn.parameter", "torch.nn"), ("torch.optim.", "torch.optim"), (
    "torch.distributions.", "torch.distributions"), ("torch.utils.data.", "torch.utils.data"), ("torch._C", "torch"), ("torch._tensor", "torch")
OWN = "jtorch"

fixed: dict[object, tuple[str, str]] = {}                    # functions that stand for PyTorch's private ones -> their names in files
known: dict[tuple[str, str], object] = {}                    # names in files -> what they stand for here


def name_in_files(value: object) -> tuple[str, str] | None:
    """PyTorch's module and name of a class, function or dtype of this package; None of anything else."""
    if isinstance(value, torch.dtype):
        return "torch", str(value).removeprefix("torch.")
    if not isinstance(value, type | FunctionType | BuiltinFunctionType):
        return None
    if value in fixed:
        return fixed[value]
    module, name = getattr(value, "__module__", None) or "", value.__qualname__
    module = OWN + module.removeprefix("torch") if module.split(".")[0] == "torch" else module    # classes that stand for PyTorch's by name
    if module.split(".")[0] != OWN:
        return None
    if isinstance(value, type):
        return (HOME[name], name) if name in HOME and value is look_up(HOME[name], name) else (_theirs(module, name, value), name)
    for door in DOORS:
        if _found(door, name) is value:
            return door, name
    return _theirs(module, name, value), name


def _theirs(module: str, name: str, value: object) -> str:
    return "torch" if _found("torch", name) is value else "torch" + module.removeprefix(OWN)


def _module(path: str) -> object:
    """This package's module for a module of PyTorch's; None where there is none."""
    own = OWN + path.removeprefix("torch")
    if own in sys.modules:
        return sys.modules[own]
    try:
        return functools.reduce(getattr, path.split(".")[1:], torch)
    except (AttributeError, ModuleNotFoundError):            # no such attribute, or one that is imported when it is first used
        try:
            return importlib.import_module(own)
        except ModuleNotFoundError:
            return None


def _found(path: str, name: str) -> object:
    holder = _module(path)
    for part in name.split("."):
        holder = getattr(holder, part, None)
    return holder


def look_up(path: str, name: str) -> object:
    """What a name of PyTorch's stands for here, or None.  Imports modules of this package: only for names in files that are trusted."""
    if (path, name) in known:
        return known[path, name]
    found = _found(path, name)
    for start, shorter in SHORTER:
        if found is None and path.startswith(start):
            found = _found(shorter, name)
    return found


def resolve(path: str, name: str) -> object:
    """What a name of PyTorch's stands for here."""
    if path == "torch._C" and name.startswith("_VariableFunctions"):
        return torch                                         # whose attributes PyTorch pickles its own functions as
    found = look_up(path, name)
    if found is None:
        raise AttributeError(f"Can't get attribute {name!r} of PyTorch's module {path!r}: jtorch has nothing of that name")
    return found


def stands_for(path: str, name: str | None = None) -> Callable[[Callable], Callable]:
    """Declare that a function here is what files call by a private name of PyTorch's."""
    def declare(function: Callable) -> Callable:
        place = path, name or function.__name__
        fixed[function], known[place] = place, function
        return function
    return declare


def dotted(value: object) -> str:
    """The name by which files and messages call a class or function."""
    place = name_in_files(value) or (getattr(value, "__module__", ""), getattr(value, "__qualname__", repr(value)))
    return spelled(*place)


def spelled(module: str, name: str) -> str:
    """A module and a name as one; builtins have no module."""
    return name if module in ("builtins", "__builtin__", "") else f"{module}.{name}"
