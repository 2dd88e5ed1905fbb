"""What this machine and its packages are, for reports of errors: `python -m torch.utils.collect_env`."""
from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, distributions, version
from typing import Any, NamedTuple

import jtorch as torch

PACKAGES = "flax", "jax", "jax-cuda12-plugin", "jax-cuda13-plugin", "jaxlib", "jtorch-jax", "numpy", "optax", "torch"
NOT_HERE = "N/A"


class SystemEnv(NamedTuple):
    """What the report says."""
    torch_version: str
    is_debug_build: str
    cuda_compiled_version: str
    hip_compiled_version: str
    os: str
    libc_version: str
    python_version: str
    python_platform: str
    is_cuda_available: str
    nvidia_gpu_models: str | None
    cpu_info: str
    pip_packages: str


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def get_os() -> str:
    """The operating system."""
    if sys.platform == "linux" and os.path.exists("/etc/os-release"):
        facts = platform.freedesktop_os_release()
        return f"{facts.get('PRETTY_NAME', 'Linux')} ({platform.machine()})"
    return f"{platform.system()} {platform.release()} ({platform.machine()})"


def get_pip_packages() -> str:
    """The packages that matter, a line for each."""
    installed = {d.metadata["Name"].lower(): d.version for d in distributions() if d.metadata["Name"]}
    return "\n".join(f"[pip3] {name}=={installed[name]}" for name in PACKAGES if name in installed)


def get_gpu_info() -> str | None:
    """The names of the GPUs, a line for each."""
    return "\n".join(f"GPU {k}: {torch.cuda.get_device_name(k)}" for k in range(torch.cuda.device_count())) or None


def get_cpu_info() -> str:
    """How many processors there are, and of what kind."""
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} logical processors"


def get_env_info() -> SystemEnv:
    """Everything that the report says."""
    return SystemEnv(str(torch.__version__), str(torch.version.debug), str(torch.version.cuda), torch.version.hip or NOT_HERE, get_os(),
                     "-".join(platform.libc_ver()) or NOT_HERE, f"{sys.version} ({sys.maxsize.bit_length() + 1}-bit runtime)".replace("\n", " "),
                     platform.platform(), str(torch.cuda.is_available()), get_gpu_info(), get_cpu_info(), get_pip_packages())


def pretty_str(envinfo: SystemEnv) -> str:
    """The report."""
    given: dict[str, Any] = {k: "No" if v is None else v for k, v in envinfo._asdict().items()}
    return ("PyTorch version: {torch_version}\nImplementation: jtorch " + f"{_version('jtorch-jax')} on jax {_version('jax')}\n" +
            "Is debug build: {is_debug_build}\nCUDA used to build PyTorch: {cuda_compiled_version}\nROCM used to build PyTorch: {hip_compiled_version}\n\n"
            "OS: {os}\nLibc version: {libc_version}\n\nPython version: {python_version}\nPython platform: {python_platform}\nIs CUDA available: "
            "{is_cuda_available}\nGPU models and configuration: {nvidia_gpu_models}\n\nCPU:\n{cpu_info}\n\nVersions of relevant libraries:\n{pip_packages}"
            ).format(**given)


def get_pretty_env_info() -> str:
    """The report of this machine."""
    return pretty_str(get_env_info())


def main() -> None:
    """Write the report."""
    sys.stdout.write(get_pretty_env_info() + "\n")


if __name__ == "__main__":
    main()
