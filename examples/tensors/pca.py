"""Principal components by SVD, by eigenvectors and by power iteration; reconstruction, whitening, Procrustes rotation."""
import torch

torch.manual_seed(8)
hidden = torch.randn(50, 2, dtype=torch.float64) * torch.tensor([3.0, 1.0])
mixing = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q[:2]
data = hidden @ mixing + 0.1 * torch.randn(50, 6, dtype=torch.float64) + torch.arange(6)

mean = data.mean(dim=0, keepdim=True)
centred = data - mean
u, s, vh = torch.linalg.svd(centred, full_matrices=False)
variance = s ** 2 / (len(data) - 1)
print("mean", mean.squeeze())
print("explained", (variance / variance.sum()).cumsum(0))

values, vectors = torch.linalg.eigh(torch.cov(data.T))
print("eigenvalues agree", torch.allclose(values.flip(0), variance))
alignment = (vectors.flip(1) * vh.T).sum(0).abs()
print("directions agree", torch.allclose(alignment, torch.ones_like(alignment)))

direction = torch.ones(6, dtype=torch.float64)
for step in range(1, 16):
    direction = torch.nn.functional.normalize(centred.T @ (centred @ direction), dim=0)
    if step % 5 == 0:
        print(f"power iteration {step:2}: {torch.dot(direction, centred.T @ centred @ direction).item() / 49:.6f}")

for k in range(1, 4):
    rebuilt = u[:, :k] * s[:k] @ vh[:k] + mean
    print(f"{k} components: error {torch.linalg.norm(rebuilt - data) / torch.linalg.norm(centred):.5f}")

white = centred @ vh.T / variance.sqrt()
print("whitened covariance is the identity:", torch.allclose(torch.cov(white.T), torch.eye(6, dtype=torch.float64), atol=1e-8))
scores = (centred @ vh.T)[:, :2]
scores = scores * torch.sign(scores[scores.abs().argmax(dim=0), torch.arange(2)])       # the larger end is positive
print(scores[:3])

angle = torch.tensor(0.7, dtype=torch.float64)
rotation = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
left, _, right = torch.linalg.svd(scores.T @ (scores @ rotation))
print("rotation found again", left @ right, torch.linalg.det(left @ right))
