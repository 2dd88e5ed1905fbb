"""Arguments given by their names, sizes among them, as in PyTorch."""
from __future__ import annotations

from types import ModuleType

import pytest
import torch

import jtorch

SIZES = ["size=(2, 3)", "size=[2]", "size=torch.Size([2])", "size=2", "(2, 3), dtype=torch.float64", "size=(2, 3), dtype=torch.float64, device='cpu'", "size=()",
         "2, size=3", "size=torch.tensor([2])", "size=(2,), sizes=3"]
CALLS = """
torch.full(size=(2,),fill_value=3.)
torch.full(fill_value=3,size=[2,2])
torch.randint(3,size=(2,))
torch.randint(low=0,high=3,size=(2,))
torch.randint(high=3,size=(2,))
x.new_zeros(size=(2,))
x.new_full(size=(2,),fill_value=1.)
x.new_empty(size=(2,))
x.new_ones(size=[2])
x.view(size=(6,))
x.view(dtype=torch.int32)
x.reshape(shape=(6,))
torch.reshape(x,shape=(6,))
torch.reshape(input=x,shape=(6,))
x.expand(size=(2,2,3))
x.permute(dims=(1,0))
torch.permute(x,dims=(1,0))
x.repeat(repeats=(2,1))
torch.tile(x,dims=(2,))
x.tile(dims=(2,))
torch.normal(0.,1.,size=(2,))
torch.normal(mean=0.,std=1.,size=(2,))
torch.empty_strided(size=(2,),stride=(1,))
torch.broadcast_to(x,size=(2,2,3))
x.broadcast_to(size=(2,2,3))
x.flip(dims=(0,))
torch.flip(x,dims=[0])
x.roll(shifts=1,dims=0)
x.sum(dim=0)
x.unflatten(dim=1,sizes=(3,1))
torch.unflatten(x,dim=1,sizes=(3,1))
x.resize_(size=(2,2))
x.expand_as(other=x)
torch.randperm(n=3)
torch.eye(n=2)
torch.eye(n=2,m=3)
torch.arange(end=3)
torch.arange(start=1,end=3,step=1)
torch.linspace(start=0,end=1,steps=3)
torch.Tensor.new_zeros(x,(2,))
x.transpose(dim0=0,dim1=1)
torch.tensor(data=[1])
torch.stack(tensors=[x])
torch.cat(tensors=[x,x],dim=0)
torch.split(tensor=x,split_size_or_sections=1)
x.chunk(chunks=2)
torch.meshgrid(x[0],x[1],indexing="ij")
torch.einsum("ij->i",x)
torch.block_diag(x,x)
torch.squeeze(input=x)
x.unsqueeze(dim=0)
torch.zeros_like(input=x)
torch.rand_like(input=x)
torch.bernoulli(input=x)
torch.multinomial(input=x,num_samples=1)
x.to(device="cpu",dtype=torch.float64)
x.type(dtype=torch.float64)
x.new_tensor(data=[1.])
torch.from_numpy(torch.ones(1).numpy())
torch.ones(2,out=torch.empty(2))
torch.zeros(2,names=None)
torch.movedim(x,source=0,destination=1)
x.swapaxes(axis0=0,axis1=1)
x.narrow(dim=0,start=0,length=1)
x.select(dim=0,index=0)
x.index_select(dim=0,index=torch.tensor([0]))
x.gather(dim=0,index=torch.zeros(1,3,dtype=torch.long))
x.masked_fill(mask=x>0,value=1)
torch.where(condition=x>0,input=x,other=x)
torch.topk(input=x,k=1,dim=0)
x.unfold(dimension=0,size=1,step=1)
x.diagonal(offset=0,dim1=0,dim2=1)
torch.nn.functional.pad(input=x,pad=(1,1))
torch.nn.functional.normalize(input=x,p=2.0,dim=1)
x.reshape(shape=(6,), size=3)
x.reshape(6, shape=(6,))
x.reshape(shape=6)
x.expand(size=3)
torch.arange()
torch.arange(step=2)
torch.arange(3, end=5)
"""


def outcome(module: ModuleType, code: str) -> object:
    module.manual_seed(0)
    try:
        made = eval(code, {"torch": module, "x": module.ones(2, 3)})
    except (TypeError, RuntimeError) as error:
        return type(error)
    return [tuple(m.shape) for m in made] if isinstance(made, tuple | list) else (tuple(made.shape), str(made.dtype))


@pytest.mark.parametrize("code", [*[f"torch.{name}({given})" for name in ("zeros", "ones", "empty", "rand", "randn") for given in SIZES],
                                  *[f"x.new_{name}({given})" for name in ("zeros", "ones", "empty") for given in SIZES], *CALLS.strip().split("\n")])
@pytest.mark.filterwarnings("ignore:An output with one or more elements")
def test_as_in_pytorch(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)
