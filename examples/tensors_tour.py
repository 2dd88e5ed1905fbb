"""A tour of tensors.

Tables of what creates, reshapes, indexes, broadcasts, computes, reduces, compares and multiplies them; views against copies; NumPy beside Tensor.
Each row of a table is an expression and what it prints.
"""
import torch

import argparse

import numpy as np

CREATING = """
torch.tensor([[1, 2, 3], [4, 5, 6]])
torch.Tensor([1, 2, 3])
torch.Tensor(2, 3).zero_()
torch.FloatTensor([[1, 2, 3], [3, 2, 1]])
torch.ByteTensor([1, 2, 255])
torch.LongTensor(3).fill_(7)
torch.tensor(3.14)
torch.tensor([1.5, 2.5], dtype=torch.float64)
torch.eye(2, 3)
torch.linspace(1, 10, 4)
torch.logspace(0, 3, 4)
torch.arange(1, 10, 2)
torch.arange(0, 1, 0.25)
torch.zeros(2, 3)
torch.ones(2, 3, dtype=torch.int32)
torch.full((2, 2), 0.5)
torch.zeros_like(torch.eye(2))
torch.ones_like(torch.tensor([1, 2]))
torch.rand(2, 3)
torch.randn(2, 3)
torch.randint(0, 10, (6,))
torch.randperm(8)
torch.normal(torch.zeros(3), torch.tensor([1.0, 10.0, 100.0]))
torch.from_numpy(np.arange(6).reshape(2, 3))
torch.tensor(np.zeros((2, 2), dtype=np.float32))
torch.cat([torch.zeros(1, 2), torch.ones(2, 2)])
torch.stack([torch.arange(3), torch.arange(3) + 10])
torch.tensor([True, False])
torch.tensor([1 + 2j, 3 - 1j])
torch.tensor([])
"""

RESHAPING = """
x.size()
x.shape[0], x.dim(), x.numel()
x.view(3, 2)
x.view(-1)
x.reshape(6, 1).shape
x.t()
x.T.is_contiguous(), x.T.contiguous().is_contiguous()
x.transpose(0, 1).reshape(-1)
x.unsqueeze(0).shape, x.unsqueeze(-1).shape
x.unsqueeze(0).squeeze().shape
torch.zeros(2, 3, 4).permute(2, 0, 1).shape
x.flatten()
x.stride(), x.t().stride(), x[:, 1:].storage_offset()
x[0, 0].item()
x.tolist()
x.repeat(2, 1)
torch.tensor([[1], [2]]).expand(2, 3)
x.chunk(3, dim=1)
x.split([1, 2], dim=1)
x.unbind(0)
torch.flip(x, [1])
torch.roll(x, 1, 1)
x.resize_as_(x) is x
"""

INDEXING = """
x[0]
x[1, 2]
x[:, 1]
x[:, ::2]
x[-1, -1]
x[..., 0]
x[None].shape
x[x > 3]
x[[0, 1, 0], [2, 1, 0]]
x[:, torch.tensor([2, 0])]
(x > 3).nonzero()
torch.index_select(x, 1, torch.tensor([0, 2]))
torch.masked_select(x, x % 2 == 0)
torch.gather(x, 1, torch.tensor([[0, 0], [2, 1]]))
torch.take(x, torch.tensor([0, 5]))
torch.zeros(2, 3, dtype=torch.int64).scatter_(1, torch.tensor([[2], [0]]), 9)
torch.where(x > 3, x, -x)
"""

BROADCASTING = """
x + torch.tensor([10, 20, 30])
x * torch.tensor([[1], [100]])
torch.arange(3).view(3, 1) + torch.arange(4)
(torch.zeros(5, 1, 4, 1) + torch.zeros(3, 1, 2)).shape
x + 0.5
x.float() / torch.tensor(2)
(x + torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)).dtype
"""

ELEMENTWISE = """
torch.abs(a), a.abs()
torch.add(a, 10), torch.add(a, a, alpha=2)
torch.addcdiv(torch.ones(4), a, b, value=0.5)
torch.addcmul(torch.ones(4), a, b, value=0.1)
a.ceil(), a.floor(), a.round(), a.trunc(), a.frac()
torch.clamp(a, -1, 1), a.clamp(min=0)
torch.exp(b), torch.log(b), torch.pow(b, 2), b ** 0.5
a * b, a / b, a - b, -a
a // b, a % b, torch.fmod(a, b), torch.remainder(a, b)
torch.sigmoid(a), torch.tanh(a), torch.relu(a)
torch.softmax(a, dim=0), torch.log_softmax(a, dim=0)
torch.sign(a), torch.sqrt(b), torch.rsqrt(b), torch.reciprocal(b)
torch.sin(a), torch.cos(a), torch.atan2(a, b)
torch.lerp(a, b, 0.25)
torch.isnan(a / a), torch.isinf(1 / torch.zeros(2))
torch.tensor([7, -7]) // 2, torch.tensor([7, -7]) % 3
torch.tensor([True, False]) & torch.tensor([True, True]), ~torch.tensor([True, False])
"""

REDUCING = """
y.sum(), y.sum(dim=0), y.sum(1, keepdim=True)
y.mean(), y.mean(dim=1), y.median(), y.median(dim=1)
y.prod(), y.prod(dim=0)
y.std(), y.std(dim=1), y.var(dim=0, unbiased=False)
y.norm(), y.norm(p=1), y.norm(2, dim=1)
torch.dist(y, torch.zeros(2, 3)), torch.dist(y, torch.zeros(2, 3), p=1)
y.cumsum(dim=1), y.cumprod(dim=0)
y.max(), y.min(dim=1), y.argmax(), y.argmin(dim=0)
(y > 1).any(), (y > 1).all(dim=0), (y > 1).sum()
torch.logsumexp(y, dim=1)
torch.mode(torch.tensor([1, 3, 3, 2])), torch.tensor([3, 1, 2]).kthvalue(2)
torch.unique(torch.tensor([3, 1, 3, 2])), torch.bincount(torch.tensor([0, 2, 2]))
"""

COMPARING = """
torch.eq(a, b), a == b
torch.equal(a, b), torch.equal(a, a.clone())
a > b, torch.ge(a, b), a < b, torch.le(a, b), a != b
torch.max(a, b), torch.min(a, b)
torch.max(y), torch.max(y, dim=1)
torch.topk(y, 2), torch.topk(y, 1, dim=0, largest=False)
torch.sort(y, dim=1, descending=True)
torch.argsort(y, dim=1)
torch.allclose(a, a + 1e-9), torch.isclose(a, a + 0.1)
"""

MATRIX = """
torch.dot(a, b)
torch.mm(y, y.t()), y @ y.t()
torch.mv(y, torch.tensor([1.0, 2.0, 3.0]))
torch.bmm(torch.ones(2, 1, 3), torch.ones(2, 3, 2))
torch.matmul(torch.ones(4, 2, 3), torch.ones(3, 5)).shape
torch.addmm(torch.ones(2, 2), y, y.t(), beta=0.5, alpha=2)
torch.einsum("ij,kj->ik", y, y)
torch.outer(torch.arange(3), torch.arange(2))
torch.trace(y), torch.diag(m), torch.triu(m), torch.tril(m, -1)
torch.svd(y)[1]
torch.inverse(m), torch.det(m)
torch.linalg.solve(m, torch.tensor([1.0, 2.0])), torch.linalg.norm(y)
torch.cross(torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0]), dim=0)
"""


def table(title: str, rows: str, **names: torch.Tensor) -> None:
    """Each expression of `rows`, then its value."""
    print(f"\n== {title} ==")
    for name, value in names.items():
        print(f">>> {name}\n{value!r}")
    for row in rows.strip().splitlines():
        print(f">>> {row}\n{eval(row, {'torch': torch, 'np': np, **names})!r}")


def views_and_copies() -> None:
    """What shares memory with its source and what does not."""
    print("\n== Views and copies ==")
    x = torch.arange(6)
    forms = {
        "view": x.view(2, 3), "reshape": x.reshape(2, 3), "slice": x[1:4], "transpose": x.view(2, 3).t(), "expand": x.expand(2, 6),
        "detach": x.detach(), "contiguous already": x.contiguous(), "clone": x.clone(), "index by a list": x[[0, 1]], "mask": x[x > 2],
        "reshape of a transpose": x.view(2, 3).t().reshape(6), "to a dtype": x.float(),
    }
    for name, form in forms.items():
        before = form.clone()
        x += 1
        print(f"{name:24} {'a copy' if torch.equal(form, before) else 'a view'}")
        x -= 1
    x.view(2, 3)[:, 1] = 100
    x[0:2].mul_(-1)
    x.view(3, 2).t()[1] += 1000
    print("written through three views:", x)
    try:
        x.view(2, 3).t().view(6)
    except RuntimeError as error:
        print("RuntimeError:", str(error).split(" (")[0])


def numpy_and_tensor() -> None:
    """from_numpy and numpy() share memory, torch.tensor copies; and the names that differ."""
    print("\n== NumPy and Tensor ==")
    array = np.array([1.0, 2.0, 3.0])
    shared, copied = torch.from_numpy(array), torch.tensor(array)
    array[0] = 10
    shared[1] = 20
    print(array, shared, copied)
    back = shared.numpy()
    shared.add_(1)
    print(back is array, back, array)
    print(np.asarray(torch.ones(2)), torch.as_tensor([1, 2]).numpy().dtype, torch.ones(2).numpy().dtype, torch.from_numpy(np.ones(2)).dtype)
    x, a = torch.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)
    for numpy_form, tensor_form, n, t in [
        ("np.concatenate", "torch.cat", np.concatenate([a, a]), torch.cat([x, x])),
        ("a.astype(int)", "x.long()", a.astype(np.int64), x.long()),
        ("a.sum(axis=1)", "x.sum(dim=1)", a.sum(axis=1), x.sum(dim=1)),
        ("a[:, np.newaxis]", "x.unsqueeze(1)", a[:, np.newaxis], x.unsqueeze(1)),
        ("a.dot(a.T)", "x.mm(x.t())", a.dot(a.T), x.mm(x.t())),
        ("np.tile", "x.repeat", np.tile(a, (2, 1)), x.repeat(2, 1)),
        ("a.clip(1, 3)", "x.clamp(1, 3)", a.clip(1, 3), x.clamp(1, 3)),
        ("a.std(ddof=1)", "x.std()", a.std(ddof=1), x.std()),
    ]:
        print(f"{numpy_form:18} {tensor_form:16} {np.allclose(n, t.numpy())}")


def in_place() -> None:
    """Functions leave their input as it is, methods that end in _ change it."""
    print("\n== In place ==")
    x = torch.tensor([1, 2])
    y = torch.tensor([3, 4])
    print(x.add(y), x)
    print(x.add_(y), x)
    x[0] = -1
    x *= 2
    print(x, x.dtype, x.type(), x.to(torch.float16), x.double())
    try:
        x.add_(0.5)
    except RuntimeError as error:
        print("RuntimeError:", error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no difference here: it is quick")
    parser.parse_args()
    torch.manual_seed(1)
    x, y = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.5, -2.5]])
    a, b, m = torch.tensor([-1.5, -0.5, 0.25, 2.0]), torch.tensor([1.0, 2.0, 4.0, 8.0]), torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    table("Creating", CREATING)
    table("Reshaping", RESHAPING, x=x)
    table("Indexing", INDEXING, x=x)
    table("Broadcasting", BROADCASTING, x=x)
    table("Element by element", ELEMENTWISE, a=a, b=b)
    table("Reducing", REDUCING, y=y)
    table("Comparing", COMPARING, a=a, b=b, y=y)
    table("Matrices", MATRIX, a=a, b=b, y=y, m=m)
    in_place()
    views_and_copies()
    numpy_and_tensor()


if __name__ == "__main__":
    main()
