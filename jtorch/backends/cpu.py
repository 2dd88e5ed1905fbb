"""What the processor can do (`torch.backends.cpu`)."""
from pathlib import Path


def get_cpu_capability() -> str:
    """The widest instructions: "AVX512", "AVX2", "DEFAULT" …"""
    facts = Path("/proc/cpuinfo")
    known = facts.read_text() if facts.exists() else ""
    return "AVX512" if "avx512vl" in known and "avx512dq" in known else "AVX2" if "avx2" in known else "DEFAULT"
