"""Whole numbers: a sieve, gcd and lcm tables, Collatz walks under a mask, bits, bases, Pascal's triangle, and dates as mixed radix."""
import torch

limit = 200
prime = torch.ones(limit, dtype=torch.bool)
prime[:2] = False
for i in range(2, int(limit ** 0.5) + 1):
    if prime[i]:
        prime[i * i::i] = False
primes = prime.nonzero().squeeze(1)
gaps = primes.diff()
print(len(primes), primes[-5:], "gaps", gaps.bincount().tolist(), "twins", primes[:-1][gaps == 2].tolist()[-3:])

n = torch.arange(1, 7)
print(torch.gcd(n[:, None], n), torch.lcm(n[:, None], n)[-1])
coprime = (torch.gcd(torch.arange(1, 101)[:, None], torch.arange(1, 101)) == 1).sum()
print("coprime pairs", coprime.item())

x = torch.arange(1, 31)
steps = torch.zeros_like(x)
while (going := x > 1).any():
    x = torch.where(going, torch.where(x % 2 == 0, x // 2, 3 * x + 1), x)
    steps[going] += 1
print("Collatz", steps.tolist(), "longest from", steps.argmax().item() + 1)

values = torch.tensor([5, 12, 255, 1 << 40], dtype=torch.int64)
bits = (values[:, None] >> torch.arange(8)) & 1
print(bits.flip(1), bits.sum(1), values.bitwise_xor(values >> 1), ~values)

pascal = torch.zeros(8, 8, dtype=torch.int64)
pascal[:, 0] = 1
for row in range(1, 8):
    pascal[row, 1:] = pascal[row - 1, 1:] + pascal[row - 1, :-1]
print(pascal, pascal.sum(1), (pascal[-1] % 7 == 0).tolist())

seconds = torch.tensor([59, 3661, 86_399, 1_000_000])
parts = []
for radix in (60, 60, 24):
    parts.append(seconds % radix)
    seconds = torch.div(seconds, radix, rounding_mode="floor")
print(torch.stack([seconds, *reversed(parts)], dim=1))
print(torch.tensor([-7, 7]) // 2, torch.tensor([-7, 7]) % 3, torch.fmod(torch.tensor([-7, 7]), 3), torch.tensor(200, dtype=torch.uint8) + 100)
