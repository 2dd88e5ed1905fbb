"""Two slow waves out of noise: a low-pass filter by FFT, the same as a convolution, and the spectrum's peaks."""
import torch

import math

torch.manual_seed(1)
rate, seconds = 128, 2
t = torch.arange(rate * seconds) / rate
clean = torch.sin(2 * math.pi * 3 * t) + 0.5 * torch.cos(2 * math.pi * 7 * t)
signal = clean + 0.8 * torch.randn_like(t)

spectrum = torch.fft.rfft(signal)
frequency = torch.fft.rfftfreq(signal.numel(), d=1 / rate)
print(spectrum.dtype, spectrum.shape, frequency[-1])

power = spectrum.abs() ** 2 / signal.numel()
top = power.topk(2)
for value, index in zip(top.values, top.indices):
    print(f"{frequency[index].item():4.1f} Hz  power {value.item():8.3f}  phase {spectrum[index].angle().item():7.3f}")

filtered = torch.fft.irfft(torch.where(frequency <= 10, spectrum, torch.zeros_like(spectrum)), n=signal.numel())
smooth = torch.fft.irfft(spectrum * torch.exp(-0.5 * (frequency / 8) ** 2), n=signal.numel())
for name, result in (("noisy", signal), ("cut at 10 Hz", filtered), ("bell of 8 Hz", smooth)):
    print(f"{name:14} error {torch.nn.functional.mse_loss(result, clean).item():.4f}")
print(filtered[:6])

kernel = torch.hann_window(9, periodic=False)
kernel /= kernel.sum()
padded = torch.cat([kernel, torch.zeros(signal.numel() - kernel.numel())])
circular = torch.fft.ifft(torch.fft.fft(signal) * torch.fft.fft(padded)).real
direct = torch.stack([(kernel * signal.roll(-i)[:9].flip(0)).sum() for i in range(-8, signal.numel() - 8)])
print("convolution theorem:", torch.allclose(circular, direct, atol=1e-5))
print("Parseval:", torch.isclose(signal.square().sum(), torch.fft.fft(signal, norm="ortho").abs().square().sum()).item())

frames = torch.stft(signal, n_fft=64, hop_length=32, window=torch.hann_window(64), return_complex=True)
print(frames.shape, frames.abs().mean(dim=1)[:6])
image = torch.zeros(8, 8)
image[2:5, 3:6] = 1
print(torch.fft.fftshift(torch.fft.fft2(image)).abs().round(decimals=2)[3:6, 3:6])
