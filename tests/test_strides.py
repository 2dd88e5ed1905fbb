"""How elements lie in memory: strides of results, and random numbers, which come in that order."""
from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data

import jtorch
import jtorch.utils.data

RESULTS = """
x.t() * 2
2 - x.t()
x.t() > 0
x.t() + x.t()
x.t() + torch.randn(4, 3)
torch.randn(4, 3) + x.t()
y.permute(2, 0, 1) + torch.randn(4)
torch.randn(4) + y.permute(2, 0, 1)
y.permute(2, 0, 1) * y.permute(2, 0, 1)[:1]
torch.randn(3, 1, 4).transpose(0, 1) * torch.randn(1, 3, 4)
torch.randn(3, 1, 4).expand(3, 2, 4) * 2
torch.randn(2, 3, 4, 5)[:, :, ::2] * 2
torch.randn(2, 1, 4).transpose(0, 2).exp()
x.t().sigmoid().exp().t()
x.t().add(1)[1:]
x.t().add(1).t().contiguous()
x.t().add_(1)
x.t().clone().add_(torch.randn(4, 3))
x.t().double()
x.t().clamp(0)
torch.where(x.t() > 0, 1.0, 2.0)
torch.where(x.t() > 0, x.t(), torch.randn(4, 3))
torch.lerp(x.t(), torch.randn(4, 3), 0.5)
torch.complex(x.t(), x.t())
torch.flip(x.t(), (0,))
torch.sort(x.t(), 0)[1]
torch.frexp(x.t())[0]
torch.isin(x.t(), torch.ones(1))
torch.nan_to_num(x.t())
torch.zeros_like(x.t())
torch.full_like(x.t(), 3.0)
F.relu(x.t())
F.gelu(x.t())
F.sigmoid(x.t())
F.glu(x.t(), 0)
F.softmax(x.t(), 0)
F.dropout(x.t(), 0.5)
F.mse_loss(x.t(), torch.randn(4, 3), reduction="none")
F.mse_loss(x.t(), torch.randn(4, 3))
x.t() @ torch.randn(3, 5)
y.transpose(0, 1).sum(2)
y.transpose(0, 2).cumsum(1)
torch.cat([x.t(), x.t()])
images * torch.randn(4, 1, 1)
images * torch.randn(2, 4, 6, 5)
F.conv2d(images, torch.randn(3, 4, 3, 3))
F.conv2d(torch.randn(2, 4, 6, 5), torch.randn(3, 4, 3, 3).to(memory_format=torch.channels_last))
F.conv_transpose2d(images, torch.randn(4, 3, 3, 3))
F.max_pool2d(images, 2)
F.max_pool2d(images, 2, return_indices=True)[1]
F.avg_pool2d(images, 2)
F.adaptive_avg_pool2d(images, 1)
F.interpolate(images, scale_factor=2.0)
F.pad(images, (1, 1))
F.pixel_shuffle(images, 2)
torch.nn.BatchNorm2d(4)(images)
torch.nn.BatchNorm2d(4).eval()(images)
torch.nn.GroupNorm(2, 4)(images)
torch.nn.InstanceNorm2d(4)(images)
torch.nn.LSTM(5, 3, batch_first=True)(y)[0]
torch.nn.LSTM(5, 3)(y)[0]
F.scaled_dot_product_attention(*[torch.randn(2, 5, 4, 3).transpose(1, 2)] * 3)
F.scaled_dot_product_attention(*[torch.randn(2, 5, 4, 3).transpose(1, 2)] * 3, dropout_p=0.5)
copy.deepcopy(x.t())
copy.deepcopy(x.t() + 1)
pickle.loads(pickle.dumps(x.t()))
torch.from_numpy((x.t() + 1).numpy())
x.t().add(1).as_strided((12,), (1,))
x.t().add(1).view(-1)
x.t().add(1).reshape(-1)
x.t().add(1).t().view(-1)
""".strip().splitlines()


def scope(package: ModuleType) -> dict[str, Any]:
    package.manual_seed(0)
    images = package.randn(2, 4, 6, 5).to(memory_format=package.channels_last)
    return {"torch": package, "F": package.nn.functional, "copy": copy, "pickle": pickle, "x": package.randn(3, 4), "y": package.randn(3, 4, 5), "images": images}


def found(package: ModuleType, code: str) -> Any:
    """The strides and values of an expression, or the class of its error."""
    try:
        result = eval(code, scope(package))
    except RuntimeError as error:
        return type(error), ()
    return (result.stride(), result.storage_offset(), result.is_contiguous()), result.detach().tolist()


@pytest.mark.parametrize("code", RESULTS)
def test_strides(code: str) -> None:
    (ours, values), (theirs, expected) = found(jtorch, code), found(torch, code)
    assert ours == theirs
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


LAYOUTS: dict[str, Callable[[ModuleType], Any]] = {
    "in order": lambda m: m.zeros(2, 3, 4, 5),
    "channels last": lambda m: m.zeros(2, 3, 4, 5).to(memory_format=m.channels_last),
    "transposed": lambda m: m.zeros(3, 2, 4, 5).transpose(0, 1),
    "with gaps": lambda m: m.zeros(2, 3, 4, 10)[..., ::2],
    "computed": lambda m: m.zeros(5, 4, 3, 2).permute(3, 2, 1, 0) * 2,
    "added": lambda m: m.zeros(3, 2, 4, 5).transpose(0, 1) + m.zeros(2, 1, 1, 5),
}
DRAWS = """
torch.rand_like(x)
torch.randn_like(x)
torch.randn_like(x, memory_format=torch.contiguous_format)
torch.randn_like(x, memory_format=torch.channels_last)
torch.randn_like(x, dtype=torch.float64)
torch.randint_like(x, 1000)
torch.bernoulli(x + 0.5)
torch.normal(x, 1.0)
torch.poisson(x + 3)
x.uniform_()
x.normal_()
x.log_normal_()
x.random_(1000)
x.bernoulli_(0.5)
x.exponential_()
x.geometric_(0.1)
x.cauchy_()
torch.nn.init.kaiming_uniform_(x)
torch.nn.init.xavier_normal_(x)
torch.nn.init.trunc_normal_(x)
F.dropout(x + 1, 0.5)
F.dropout((x + 1).relu() * 3, 0.5)
F.alpha_dropout(x + 1, 0.5, True)
F.dropout2d(x + 1, 0.5)
F.rrelu(x - 1, training=True)
F.gumbel_softmax(x)
""".strip().splitlines()


def drawn(package: ModuleType, layout: str, code: str) -> Any:
    x = LAYOUTS[layout](package)
    package.manual_seed(1)
    return eval(code, {"torch": package, "F": package.nn.functional, "x": x})


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("code", DRAWS)
def test_random_numbers(layout: str, code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = drawn(jtorch, layout, code), drawn(torch, layout, code)
    np.testing.assert_allclose(ours.tolist(), theirs.tolist(), rtol=1e-5, atol=1e-6)
    assert ours.stride() == theirs.stride()


ROUTINES = """
L.cholesky(s), L.cholesky(s, upper=True), torch.cholesky_inverse(s), torch.cholesky_solve(b, s)
L.inv(s), L.inv_ex(s)[0], torch.inverse(s), L.pinv(s), L.matrix_power(s, -1), L.matrix_power(s, -2), L.matrix_power(s, 2)
L.solve(s, b), L.solve(s, b.mT, left=False), L.solve_ex(s, b)[0], L.solve(s, b[..., 0])
L.lu_factor(s), L.lu(s), L.lu_factor_ex(w), torch.lu_unpack(*L.lu_factor(s))
L.lu_solve(*L.lu_factor(s), b), L.lu_solve(*L.lu_factor(s), b.mT, left=False), torch.lu_solve(b, *L.lu_factor(s))
L.qr(s), L.qr(w, mode="complete"), L.qr(w, mode="r"), torch.qr(w.mT), torch.geqrf(w), L.householder_product(s, s[..., 0]), torch.ormqr(s, s[..., 0], b)
L.eigh(s), L.eig(s), L.svd(w), L.svd(w, full_matrices=False), torch.svd(w), torch.svd(s, some=False)
L.solve_triangular(s, b, upper=True), L.solve_triangular(s, b.mT, upper=True, left=False), torch.triangular_solve(b, s)
L.ldl_factor(s), L.ldl_solve(*L.ldl_factor(s), b), L.lstsq(s, b)[0], L.lstsq(w, b[..., :3, :])[0], L.lstsq(w.mT, torch.randn(*w.shape[:-2], 5, 2))[0], L.lstsq(w.mT, torch.randn(*w.shape[:-2], 5))[0]
L.tensorinv(torch.randn(2, 3, 6)), L.tensorinv(torch.randn(2, 2, 3, 12, 1), ind=3)
torch.rot90(y), torch.rot90(y, 2), torch.rot90(y, -1, (1, 2)), torch.permute_copy(y, (2, 0, 1)), torch.transpose_copy(y, 0, 1), torch.ravel(y[:, ::2, ::2])
torch.rot90(y.mT), torch.rot90(y.mT, 2, (0, 2)), torch.rot90(y.mT, 4), torch.rot90(y[:, ::2], -1, (0, 2)), torch.unravel_index(torch.arange(6).view(2, 3), (4, 5))
torch.meshgrid(y[0, 0], y[0, :, 0], indexing="xy"), torch.meshgrid(y[0, 0], y[0, 0, 0], y[0, :, 0], indexing="ij"), torch.meshgrid(y[0, 0, 0], y[0, 0], indexing="xy")
torch.istft(torch.stft(y.flatten(), 16, return_complex=True), 16), torch.istft(torch.stft(y.flatten(), 16, return_complex=True, onesided=False), 16, return_complex=True)
torch.nonzero(y > 0), torch.argwhere(y[0] > 0), torch.nonzero(y[0, 0] > 0)
T.fft(y, dim=1), T.fft(y, n=9, dim=0), T.ifft(y.permute(2, 0, 1), dim=1), T.rfft(y, dim=-2), T.irfft(y, dim=0), T.hfft(y, dim=1), T.ihfft(y, dim=1)
T.fft2(y, dim=(0, 2)), T.fft2(y), T.fftn(y), T.fftn(y, dim=1), T.fftn(y, s=(3, 3), dim=(0, 1)), T.ifftn(y.transpose(0, 1), dim=(2,))
T.rfft2(y, dim=(0, 2)), T.rfftn(y), T.irfft2(y, dim=(0, 2)), T.irfftn(y, dim=(1,)), T.hfft2(y, dim=(0, 2)), T.ihfft2(y), T.ihfftn(y)
""".strip().splitlines()


@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
@pytest.mark.parametrize("code", ROUTINES)
def test_strides_of_routines(code: str, batch: tuple[int, ...]) -> None:
    """Matrices of LAPACK lie column by column; Fourier transforms leave the dimensions that they work on last."""
    def seen(package: ModuleType) -> list:
        package.manual_seed(0)
        a = package.randn(*batch, 4, 4)
        names = {"s": a @ a.mT + 4 * package.eye(4), "w": package.randn(*batch, 3, 5), "b": package.randn(*batch, 4, 3), "y": package.randn(3, 4, 5)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = eval(code, {"torch": package, "L": package.linalg, "T": package.fft, **names})
        flat = [x for one in results for x in (one if isinstance(one, tuple) else (one,))]
        return [[s for s, n in zip(x.stride(), x.shape, strict=True) if n > 1] for x in flat]
    assert seen(jtorch) == seen(torch)


@pytest.mark.parametrize("code", ["[g.tolist() for g in torch.meshgrid(x, y)]", "torch.meshgrid([x, y], indexing='xy')[1].tolist()", "torch.meshgrid()", "torch.meshgrid(x, y.double())",
                                  "torch.meshgrid(x, indexing='zz')", "torch.meshgrid(x, 1, indexing='ij')", "torch.meshgrid([x], [y])", "torch.meshgrid(x.exp(), y, indexing='ij')[1].grad_fn",
                                  "(torch.meshgrid(y, y, indexing='ij')[0].mul_(2), y)[1].tolist()", "(y.mul_(2), grid)[1].tolist()",
                                  "torch.autograd.grad((torch.meshgrid(x, y, indexing='ij')[0] * 2).sum(), x)[0].tolist()"])
def test_grids_are_views(code: str) -> None:
    def outcome(package: ModuleType) -> Any:
        y = package.arange(3.0)
        names = {"torch": package, "x": package.arange(2.0).requires_grad_(), "y": y, "grid": package.meshgrid(y, y, indexing="xy")[0]}
        try:
            return eval(code, names)
        except (RuntimeError, TypeError) as error:
            return type(error), str(error).splitlines()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert outcome(jtorch) == outcome(torch)


def test_one_warning_of_grids() -> None:
    code = "import warnings, jtorch as torch; warnings.simplefilter('always'); x = torch.ones(2); torch.meshgrid(x); torch.meshgrid(x); torch.meshgrid(x, indexing='ij')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert told.count("UserWarning: torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.") == 1


def positions(m: ModuleType) -> Any:
    """A batch turned to (time, batch, features), positions added, dropout: as in many a Transformer."""
    embedded = m.nn.Embedding(10, 6)(m.arange(10).reshape(2, 5)).transpose(0, 1)
    return m.nn.functional.dropout(embedded * 2.0 + m.zeros(5, 1, 6), 0.5)


def recurrent(m: ModuleType) -> Any:
    return m.nn.functional.dropout(m.nn.LSTM(4, 3, batch_first=True)(m.ones(2, 5, 4))[0], 0.5)


def images(m: ModuleType) -> Any:
    net = m.nn.Sequential(m.nn.Conv2d(3, 4, 3), m.nn.BatchNorm2d(4), m.nn.ReLU(), m.nn.MaxPool2d(2), m.nn.Dropout(0.5))
    return net.to(memory_format=m.channels_last)(m.randn(2, 3, 8, 8).to(memory_format=m.channels_last))


def compiled(m: ModuleType) -> Any:
    """The fourth call of a function whose calls are repeated."""
    add = m.compile(lambda x: x.t() + 1) if m is jtorch else lambda x: x.t() + 1
    results = [add(m.zeros(3, 4)) for _ in range(4)]
    return m.nn.functional.dropout(results[-1], 0.5)


def loaded(m: ModuleType) -> Any:
    """A computed tensor that came from a worker."""
    class Data(m.utils.data.Dataset):
        def __getitem__(self, k: int) -> Any:
            return m.arange(12.0).view(3, 4).t() * k

        def __len__(self) -> int:
            return 3
    results = [*m.utils.data.DataLoader(Data(), batch_size=None, num_workers=1)]
    return m.nn.functional.dropout(results[-1], 0.5)


@pytest.mark.parametrize("program", [positions, recurrent, images, compiled, loaded])
def test_programs(program: Callable[[ModuleType], Any]) -> None:
    results = []
    for package in (jtorch, torch):
        package.manual_seed(0)
        results.append(program(package).tolist())
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-5)
