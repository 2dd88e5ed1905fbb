"""Functions that make tensors, with the options that they share: each in both frameworks."""
from __future__ import annotations

import warnings
from types import ModuleType

import pytest
import torch

import jtorch

CALLS = """
torch.rand(2, 3{})
torch.randn(2, 3{})
torch.randint(3, (2, 3){})
torch.randperm(3{})
torch.arange(3{})
torch.range(0, 3{})
torch.linspace(0, 1, 3{})
torch.logspace(0, 1, 3{})
torch.eye(3{})
torch.full((2, 3), 1.0{})
torch.zeros(2, 3{})
torch.ones(2, 3{})
torch.empty(2, 3{})
torch.empty_strided((2, 3), (3, 1){})
torch.empty_permuted((2, 3), (0, 1){})
torch.tensor([1.0, 2]{})
torch.scalar_tensor(1.0{})
torch.normal(0.0, 1.0, (2,){})
torch.hann_window(4{})
torch.kaiser_window(4{})
torch.tril_indices(3, 3{})
torch.fft.fftfreq(4{})
torch.zeros_like(x{})
torch.ones_like(x{})
torch.empty_like(x{})
torch.full_like(x, 1.0{})
torch.rand_like(x{})
torch.randn_like(x{})
torch.randint_like(x, 3{})
x.new_zeros(2, 3{})
x.new_ones(2, 3{})
x.new_empty(2, 3{})
x.new_full((2, 3), 1.0{})
x.new_tensor([1.0, 2.0]{})
x.new_empty_strided((2, 3), (3, 1){})
torch.as_tensor([1.0]{})
torch.asarray([1.0]{})
""".strip().splitlines()
OPTIONS = ["layout=torch.strided", "layout=torch.sparse_coo", "layout=torch.sparse_csr", "layout=3", "pin_memory=False", "pin_memory=True", "pin_memory=3",
           "names=('a', 'b')", "device='meta'", "memory_format=torch.channels_last", "memory_format=torch.preserve_format", "requires_grad=True",
           "requires_grad=None", "requires_grad=1", "out=torch.empty(0)", "dtype=torch.int32", "dtype=torch.complex64"]
UNINITIALISED = {"randn(2, 3", "ones(2, 3", "full((2, 3)", "new_ones(2, 3", "new_full((2, 3"}    # in PyTorch these make a CSR tensor of whatever lies in memory


def outcome(package: ModuleType, code: str) -> str:
    """What is made, or the class of the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = eval(code, {"torch": package, "x": package.ones(2, 3)})
        except (RuntimeError, TypeError, NotImplementedError) as error:
            return type(error).__name__
    strides = made.stride() if made.layout is package.strided else None
    return f"{tuple(made.shape)} {made.dtype} {made.layout} {made.device} {made.requires_grad} {strides}"


@pytest.mark.parametrize("option", OPTIONS)
def test_option(option: str) -> None:
    csr = "csr" in option
    codes = [call.format(f", {option}") for call in CALLS if not csr or not any(f".{name}" in call for name in UNINITIALISED)]
    if csr:
        codes = [code for code in codes if "empty_permuted" not in code and "normal(" not in code]    # another class of error
    if option == "requires_grad=None":
        codes.remove("torch.range(0, 3, requires_grad=None)")    # one of the two signatures of this deprecated function refuses None
    assert [(code, outcome(jtorch, code)) for code in codes] == [(code, outcome(torch, code)) for code in codes]


@pytest.mark.parametrize("code", ["x.new_tensor([1.0], requires_grad=None)", "torch.frombuffer(bytearray(4), dtype=torch.float32, requires_grad=1)",
                                  "torch.nn.Parameter(x, requires_grad=None)", "torch.nn.Parameter(x, 1)"])
def test_switches(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code) == "TypeError"


@pytest.mark.parametrize("code", ["torch.ones(2).pin_memory()", "torch.empty(2, memory_format=torch.preserve_format)"])
def test_refused(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code) == "RuntimeError"
