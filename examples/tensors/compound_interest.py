"""Money over time: cumulative products and sums, a loan's table, yields by Newton's method, drawdowns, and a simulated year of prices."""
import torch

torch.set_default_dtype(torch.float64)
rates = torch.tensor([0.03, 0.05, -0.02, 0.04, 0.01])
growth = (1 + rates).cumprod(0)
print("1000 becomes", (1000 * growth).round(decimals=2))
print("mean rate", growth[-1].pow(1 / len(rates)) - 1, "by logs", rates.log1p().mean().expm1())

deposits = torch.tensor([100.0, 50, 0, 200, 25])
factors = torch.cat([torch.ones(1), growth])
balance = factors[1:] * (deposits / factors[:-1]).cumsum(0)
print(balance)

principal, monthly, months = 10_000.0, 0.06 / 12, 12
payment = principal * monthly / (1 - (1 + monthly) ** -months)
owed = principal * (1 + monthly) ** torch.arange(months + 1) - payment * ((1 + monthly) ** torch.arange(months + 1) - 1) / monthly
interest = owed[:-1] * monthly
print(f"payment {payment:.2f}, interest in all {interest.sum().item():.2f}")
print(torch.stack([interest, payment - interest, owed[1:].abs()], dim=1)[[0, 5, 11]])

flows, when = torch.tensor([-950.0, 50, 50, 50, 1050]), torch.arange(5)
rate = torch.tensor(0.1, requires_grad=True)
for _ in range(6):
    value = (flows * (1 + rate) ** -when).sum()
    slope, = torch.autograd.grad(value, rate)
    rate = (rate - value / slope).detach().requires_grad_()
    print(f"yield {rate.item():.8f}  value {value.item():12.6f}")

torch.manual_seed(5)
steps = 0.0003 + 0.01 * torch.randn(3, 250)
prices = 100 * steps.cumsum(dim=1).exp()
peak = prices.cummax(dim=1).values
drawdown, day = (1 - prices / peak).max(dim=1)
print("at the end", prices[:, -1], "\ndeepest fall", drawdown, day)
average = prices.unfold(1, 20, 5).mean(dim=2)
print(average.shape, average[0, :4], torch.corrcoef(steps).round(decimals=4)[0])
print(torch.quantile(steps, torch.tensor([0.05, 0.5, 0.95]), dim=1), steps.std(dim=1) * 250 ** 0.5)
