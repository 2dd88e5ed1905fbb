"""Images of handwritten digits for the examples: scikit-learn's bundled 8x8 ones, or MNIST's idx files."""
import torch
import gzip
import pathlib

import numpy as np
from sklearn.datasets import load_digits


def digits(side: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """scikit-learn's 1,797 digits as images (1797, 1, side, side) in [0, 1] and labels (1797).

    Up to `side` each pixel is repeated and a black frame is added.
    """
    bunch = load_digits()
    pixels = bunch.images.astype(np.float32) / 16
    scale = side // 8
    frame = side - 8 * scale
    pixels = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    pixels = np.pad(pixels, ((0, 0), (frame // 2, frame - frame // 2), (frame // 2, frame - frame // 2)))
    return torch.from_numpy(pixels).unsqueeze(1), torch.from_numpy(bunch.target).long()


def read_idx(path: pathlib.Path) -> np.ndarray:
    """An idx file of bytes, gzipped or not: magic number, one big-endian size per dimension, the bytes."""
    if not path.exists():
        path = path.with_name(path.name + ".gz")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dims = raw[3]
    shape = np.frombuffer(raw, dtype=">u4", count=dims, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * dims).reshape(shape)


def mnist(folder: str, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """MNIST's images (N, 1, 28, 28) in [0, 1] and labels (N) from the four idx files in `folder`."""
    part = "train" if train else "t10k"
    images = read_idx(pathlib.Path(folder) / f"{part}-images-idx3-ubyte")
    labels = read_idx(pathlib.Path(folder) / f"{part}-labels-idx1-ubyte")
    return torch.tensor(images).unsqueeze(1).float() / 255, torch.tensor(labels).long()


def train_and_test(folder: str | None, side: int = 28) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Training images and labels, test images and labels: MNIST where a folder is given, else scikit-learn's digits (1,500 and 297)."""
    if folder is None:
        x, y = digits(side)
        return x[:1500], y[:1500], x[1500:], y[1500:]
    (x, y), (x_test, y_test) = mnist(folder, train=True), mnist(folder, train=False)
    pad = (side - 28) // 2
    if pad:
        x, x_test = (torch.nn.functional.pad(images, (pad, pad, pad, pad)) for images in (x, x_test))
    return x, y, x_test, y_test
