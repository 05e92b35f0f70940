"""How much memory the process can still take: of the machine, its control group, and its own limits."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

GROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
LIMITS = (("RLIMIT_AS", "VmSize"), ("RLIMIT_DATA", "VmData"))


def free_memory() -> int | None:
    """Bytes; None where the system does not report it."""
    found = [*_of_the_machine(), *_of_the_group(), *_of_the_limits()]
    return max(0, min(found)) if found else None


def _of_the_machine() -> list[int]:
    available = _table(Path("/proc/meminfo")).get("MemAvailable")
    if available is not None:
        return [available]
    with suppress(AttributeError, ValueError, OSError):  # no such call, or no such name
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    return []


def _of_the_group(root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    found = []
    for limit, used in GROUPS:
        with suppress(OSError, ValueError):  # no such group, or "max"
            found.append(int((root / limit).read_text()) - int((root / used).read_text()))
    return found


def _of_the_limits() -> list[int]:
    try:
        import resource
    except ImportError:  # Windows
        return []
    used = _table(Path("/proc/self/status"))
    found = []
    for limit, counted in LIMITS:
        soft, _ = resource.getrlimit(getattr(resource, limit))
        if soft != resource.RLIM_INFINITY:
            found.append(soft - used.get(counted, 0))
    return found


def _table(path: Path) -> dict[str, int]:
    """Bytes by name of a file of lines such as "MemAvailable:   23 kB"."""
    found = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, value = line.partition(":")
            if value.endswith(" kB"):
                found[name] = 1024 * int(value.removesuffix(" kB"))
    return found
