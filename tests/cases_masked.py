"""Expressions about `torch.masked`: both frameworks run each and print the same."""
from __future__ import annotations

SETUP = """
M = torch.masked
x, i = torch.tensor([[-3.0, 2, 1], [0, 1, 2]]), torch.tensor([[-3, 2, 1], [0, 1, 2]])
m, m2 = torch.tensor([[True, False, True], [False, False, False]]), torch.tensor([True, False, True])
mt, mi = M.masked_tensor(x, m), M.masked_tensor(i, torch.tensor([[True, False, True], [True, False, False]]))
def grad(f, mask):
    leaf = torch.tensor([[-3.0, 2, 1], [0.5, 1, 2]], requires_grad=True)
    f(leaf, torch.tensor(mask)).backward()
    return leaf.grad
some = [[True, False, True], [False, False, True]]
"""
REDUCTIONS = "sum mean prod amax amin argmax argmin var std median logsumexp".split()
ALONG = "cumsum cumprod softmax log_softmax softmin".split()
CODE = [f"M.{name}({args})" for name in REDUCTIONS + ALONG for args in (
    "x, 1, mask=m", "x, 1", "x, 0, mask=m", "x, mask=m", "i, 1, mask=m", "x, -1, mask=m2", "i, 1, mask=m, dtype=torch.float64", "x, (0, 1), mask=m")]
CODE += [f"M.{name}(x, 1, mask=m, keepdim=True)" for name in REDUCTIONS]
CODE += [f"M.{name}(mt, 1)" for name in REDUCTIONS + ALONG if name not in ("mean", "var", "std")]   # PyTorch forgets the mask of these
CODE += [f"grad(lambda t, m: M.{name}(t, 1, mask=m){'[0, 2]' if name in ALONG else '.sum()'}, some)" for name in REDUCTIONS + ALONG
         if name not in ("argmax", "argmin", "var", "std")]                       # one element has no variance, and nan as gradient
CODE += ["grad(lambda t, m: M.var(t, mask=m), some)", "grad(lambda t, m: M.norm(t, mask=m), some)", "grad(lambda t, m: M.normalize(t, 2, 1, mask=m)[0, 0], some)"]
CODE += r"""
M.norm(x, 2, 1, mask=m)
M.norm(x, float('inf'), 1, mask=m)
M.norm(x, -float('inf'), 1, mask=m)
M.norm(x, 0, 1, mask=m)
M.norm(x, 1, mask=m)
M.norm(x, dim=1, mask=m, keepdim=True)
M.norm(i, 2, 1, mask=m)
M.normalize(x, 2, 1, mask=m)
M.normalize(x, 1, 0, mask=m)
M.normalize(x, 2.0, dim=1, eps=1.)
M.logaddexp(x, x, input_mask=m, other_mask=~m)
M.logaddexp(x, x)
M.logaddexp(i, i, input_mask=m, other_mask=m)
mt
mi
M.masked_tensor(torch.tensor(1.), torch.tensor(True))
M.masked_tensor(torch.tensor(1.), torch.tensor(False))
M.masked_tensor(torch.arange(24.).reshape(2, 3, 4), torch.arange(24).reshape(2, 3, 4)%2==0)
M.masked_tensor(torch.tensor([1.5, 2.25, -3]), torch.tensor([True, False, True]))
M.masked_tensor(torch.tensor([1+2j, 2.25, -3]), torch.tensor([True, False, True]))
M.masked_tensor(torch.tensor([True, False]), torch.tensor([True, False]))
M.masked_tensor(torch.tensor([1e10, 2.25, -3]), torch.tensor([True, False, True]))
str(mt)
mt.get_data(), mt.get_mask(), mt.to_tensor(9)
mt.get_mask() is mt.get_mask()
mt + M.masked_tensor(torch.ones(2, 3), torch.ones(2, 3)>0)
mt + torch.ones(2, 3)
torch.sin(mt), torch.add(mt, 1), torch.where(torch.ones(2, 3)>0, mt, mt)
mt.sum(), mt.sum(1), mt.mean(1), mt.amax(1), mt.prod(0), mt.sum(0, keepdim=True), mt.argmax(), mt.std(), mt.var(1), mt.all()
mt.argmax(1), mt.argmin(0), mt.amin(), mt.max(), mt.min()
torch.sum(mt, 1), torch.mean(mt)
mt.cumsum(0), mt.softmax(1)
mt[0], mt[:, 1]
mt.to(torch.float64), mt.double(), mt.clone(), mt.detach(), mt.cpu(), mt.contiguous()
mt.tolist(), mt.numpy()
mt.tolist()
mt.numpy()
mt.float()
mt==mt, mt!=1
mt.add_(1), mt
mt.ceil(), mt.sqrt(), mt.logical_not(), mt.isnan(), mt.round(), mt.sigmoid(), mt.relu()
mt.relu()
torch.relu(mt)
torch.nn.functional.relu(mt)
torch.cat([mt, mt])
torch.stack([mt, mt])
bool(M.is_masked_tensor(mt)), M.is_masked_tensor(1)
M.as_masked_tensor(torch.ones(2), torch.tensor([True, False]))
M.masked_tensor(torch.ones(2), torch.tensor([1, 0]))
M.masked_tensor(torch.ones(2), torch.tensor([True]))
M.masked_tensor([1, 2], [True, False])
M.masked_tensor(torch.ones(2), torch.tensor([True, False]), requires_grad=True)
M.MaskedTensor(torch.ones(2), torch.tensor([True, False]))
M.masked_tensor(mt, torch.tensor([True]))
M.masked_tensor(torch.ones(2, requires_grad=True), torch.tensor([True, False]))
M.as_masked_tensor(torch.ones(2, requires_grad=True), torch.tensor([True, False])).requires_grad
mt.item()
mt.sum().item()
M.masked_tensor(torch.tensor(2.), torch.tensor(False)).item()
bool(mt.sum()>0), float(mt.sum())
mt.copy_(torch.ones(2, 3))
mt.expand(2, 2, 3).shape
mt.size(), mt.stride(), mt.is_contiguous()
mt.abs_()
mt.sort(1)
mt.nonzero()
mt.clamp(0, 1)
mt.bitwise_and(mi)
mi & mi, mi % 2, mi // 2
mt.is_sparse_coo(), mt.is_sparse_csr()
mt.is_sparse_coo()
mt.bfloat16()
mt.grad
mt.backward
isinstance(mt, torch.Tensor)
hash(mt)==id(mt)
mt.sum(1).sum(), mt.mean().to_tensor(0)
mt.__len__()
(t := M.masked_tensor(torch.tensor([1.0, 2, 3]), torch.tensor([True, False, True]), requires_grad=True), (t * t).sum().backward(), t.grad, t.requires_grad, t.is_leaf)[2:]
""".strip().splitlines()
