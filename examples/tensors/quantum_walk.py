"""Complex numbers: roots of unity, a quantum walk on a circle, a phase estimated by an inverse Fourier transform, and a rotating qubit."""
import torch

import math

roots = torch.polar(torch.ones(5), torch.arange(5) * (2 * math.pi / 5))
print(roots, roots.prod().real.round(), roots.angle())
z = torch.tensor([3 + 4j, -1j, 2.0 + 0j])
print(z.abs(), z.conj(), z * z, z.real, z.imag, torch.view_as_real(z), z.sgn())

places, steps = 33, 14
coin = torch.tensor([[1, 1], [1, -1]], dtype=torch.complex64) / math.sqrt(2)
state = torch.zeros(2, places, dtype=torch.complex64)
state[:, places // 2] = torch.tensor([1, 1j]) / math.sqrt(2)
for _ in range(steps):
    state = coin @ state
    state = torch.stack([state[0].roll(1), state[1].roll(-1)])
chance = state.abs().square().sum(0)
position = torch.arange(places) - places // 2
print(f"sum {chance.sum().item():.5f}  mean {abs((chance * position).sum().item()):.3f}  spread {(chance * position ** 2).sum().sqrt().item():.4f}")
print(chance[places // 2::2].reshape(3, 3))

qubits, phase = 5, 0.3
size = 2 ** qubits
amplitudes = torch.exp(2j * math.pi * phase * torch.arange(size)) / math.sqrt(size)
estimate = torch.fft.fft(amplitudes, norm="ortho").abs() ** 2
best = estimate.argmax()
print(f"phase {phase} is near {best.item()}/{size} with chance {estimate[best].item():.4f}")

pauli = torch.tensor([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=torch.complex128)
axis = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64) / 3
generator = torch.einsum("k,kij->ij", axis.to(pauli.dtype), pauli)
start = torch.tensor([1, 0], dtype=torch.complex128)
for turn in torch.linspace(0, math.pi, 4, dtype=torch.float64):
    rotation = torch.linalg.matrix_exp(-0.5j * turn * generator)
    end = rotation @ start
    vector = torch.einsum("i,kij,j->k", end.conj(), pauli, end).real
    unitary = torch.allclose(rotation @ rotation.mH, torch.eye(2, dtype=rotation.dtype))
    print(f"turn {turn.item():.4f}", " ".join(f"{value:7.4f}" for value in vector.tolist()), unitary)
print(torch.linalg.eigvalsh(generator), torch.kron(pauli[0], pauli[2]).real.int())
