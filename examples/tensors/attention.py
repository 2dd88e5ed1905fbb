"""Attention of several heads by einsum: causal mask, padding mask, gradients, and PyTorch's own function beside it."""
import torch
import torch.nn.functional as F

torch.manual_seed(2)
batch, length, heads, width = 2, 5, 3, 4
x = torch.randn(batch, length, heads * width)
weights = [torch.randn(heads * width, heads, width) / (heads * width) ** 0.5 for _ in range(3)]
query_weight, key_weight, value_weight = (w.requires_grad_() for w in weights)
lengths = torch.tensor([5, 3])

query = torch.einsum("bti,ihd->bhtd", x, query_weight)
key = torch.einsum("bti,ihd->bhtd", x, key_weight)
value = torch.einsum("bti,ihd->bhtd", x, value_weight)

causal = torch.ones(length, length, dtype=torch.bool).tril()
padding = torch.arange(length) < lengths[:, None]
allowed = causal & padding[:, None, None, :]
print(allowed[1, 0].int())

scores = torch.einsum("bhqd,bhkd->bhqk", query, key) / width ** 0.5
scores = scores.masked_fill(~allowed, float("-inf"))
attention = scores.softmax(dim=-1)
print(attention[0, 0])
print(attention[1, 2])
mixed = torch.einsum("bhqk,bhkd->bqhd", attention, value).flatten(2)
print(mixed.shape, mixed[1, 3])

reference = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
print("as scaled_dot_product_attention:", torch.allclose(mixed, reference.transpose(1, 2).flatten(2), atol=1e-6))

entropy = -(attention * attention.clamp_min(1e-12).log()).sum(-1)
for head, row in enumerate(entropy.mean(dim=(0, 2)).tolist()):
    print(f"head {head}: entropy {row:.4f}")

loss = (mixed * padding.unsqueeze(-1)).square().sum() / padding.sum()
loss.backward()
print(f"loss {loss.item():.5f}")
for name, weight in (("query", query_weight), ("key", key_weight), ("value", value_weight)):
    print(name, weight.grad.norm(dim=(0, 2)))
