"""What the processor can do (`torch.cpu.get_capabilities`), as far as the system tells without asking the processor itself."""
from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
LINUX = {"sse3": "pni", "fma3": "fma", "bmi": "bmi1", "lzcnt": "abm", "sha": "sha_ni"}        # PyTorch's name: the kernel's, where they differ
WIDE = "f cd dq bw vl ifma vbmi vp2intersect 4vnniw 4fmaps".split()                           # of AVX-512, where the kernel writes no underscore
X86 = ("sse sse2 sse3 ssse3 sse4_1 sse4_2 sse4a avx avx2 avx_vnni avx512_f avx512_cd avx512_dq avx512_bw avx512_vl avx512_ifma avx512_vbmi avx512_vbmi2 "
       "avx512_bitalg avx512_vpopcntdq avx512_vnni avx512_bf16 avx512_fp16 avx512_vp2intersect avx512_4vnniw avx512_4fmaps avx10_1 avx10_2 avx_vnni_int8 "
       "avx_vnni_int16 avx_ne_convert amx_bf16 amx_tile amx_int8 amx_fp16 fma3 fma4 f16c bmi bmi2 popcnt lzcnt aes sha clflush clflushopt clwb").split()
ARM = {"neon": "asimd", "fp16_arith": "asimdhp", "bf16": "bf16", "i8mm": "i8mm", "dot": "asimddp", "sve": "sve", "sve2": "sve2", "sve_bf16": "svebf16",
       "sme": "sme", "sme2": "sme2", "atomics": "atomics", "fhm": "asimdfhm", "rdm": "asimdrdm", "crc32": "crc32", "aes": "aes", "sha1": "sha1", "sha2": "sha2",
       "pmull": "pmull"}


def _kernel_name(name: str) -> str:
    family, _, part = name.partition("_")
    return family + part if family == "avx512" and part in WIDE else LINUX.get(name, name)


def _told() -> dict[str, set[str]]:
    """What Linux says of the processors: a set of values for each field; empty on other systems."""
    found: dict[str, set[str]] = {}
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            field, _, value = line.partition(":")
            found.setdefault(field.strip(), set()).add(value.strip())
    return found


@cache
def get_capabilities() -> Mapping[str, Any]:
    """The processor's instructions by name, its architecture and counts of cores.  Only Linux tells of instructions; elsewhere those names are missing.

    >>> "architecture" in torch.cpu.get_capabilities()
    True
    """
    told, machine = _told(), platform.machine()
    names = {n: _kernel_name(n) for n in X86} if machine in ("x86_64", "AMD64", "i686") else ARM if machine in ("aarch64", "arm64") else {}
    flags = {flag for field in ("flags", "Features") for line in told.get(field, ()) for flag in line.split()}
    found: dict[str, Any] = {name: kernel in flags for name, kernel in names.items()} if flags else {}
    found["architecture"] = {"AMD64": "x86_64", "aarch64": "arm64"}.get(machine, machine)
    found["num_logical_cores"] = os.cpu_count() or 1
    if "model name" in told:
        found["cpu_name"] = min(told["model name"])
    if "physical id" in told:
        found["num_sockets"] = len(told["physical id"])
    if "cpu cores" in told:
        found["num_physical_cores"] = sum(map(int, told["cpu cores"])) * found.get("num_sockets", 1)
    return MappingProxyType(found)
