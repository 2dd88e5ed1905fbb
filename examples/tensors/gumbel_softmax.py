"""Sampling: Gumbel noise against multinomial, a straight-through estimate trained to prefer a choice, and draws of other kinds."""
import torch
import torch.nn.functional as F

torch.manual_seed(6)
logits = torch.tensor([1.0, 2.0, 0.5, -1.0])
print("chances", logits.softmax(0))

noise = -torch.log(-torch.log(torch.rand(2000, 4)))
print("by Gumbel     ", (logits + noise).argmax(1).bincount(minlength=4))
print("by multinomial", torch.multinomial(logits.softmax(0), 2000, replacement=True).bincount(minlength=4))
cumulated = logits.softmax(0).cumsum(0)
print("by inversion  ", torch.searchsorted(cumulated, torch.rand(2000)).bincount(minlength=4))

for temperature in (5.0, 1.0, 0.1):
    soft = torch.softmax((logits + noise[0]) / temperature, dim=0)
    print(f"temperature {temperature}", soft)
print(F.gumbel_softmax(logits.repeat(3, 1), tau=0.5, hard=True))

payoff = torch.tensor([0.0, 1.0, 3.0, 2.0])
chosen = torch.zeros(4, requires_grad=True)
optimizer = torch.optim.Adam([chosen], lr=0.1)
for step in range(40):
    sample = F.gumbel_softmax(chosen.expand(16, 4), tau=1.0, hard=True)
    loss = -(sample @ payoff).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 13 == 0:
        print(f"step {step:2}  payoff {-loss.item():.4f}  preferred {chosen.argmax().item()}")
print("learned chances", chosen.detach().softmax(0))

print(torch.bernoulli(torch.full((2, 6), 0.3)))
print(torch.randperm(8), torch.randint(1, 7, (10,)))
print(torch.normal(torch.zeros(3), torch.tensor([0.1, 1.0, 10.0])))
print(torch.empty(4).exponential_(2.0), torch.empty(3).uniform_(-1, 1))
print(torch.poisson(torch.tensor([0.5, 3.0, 12.0])))
