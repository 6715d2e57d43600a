"""What JAX and Numba have compiled, kept from one run to the next in the user's cache; it holds shapes and types, no figures of anybody.

Both read where from the environment when they are first imported, so this comes before. A folder that the user names there is kept; those
of our own are for processors of one kind, as what is compiled for one may not run on another.
"""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from pathlib import Path

FOLDER, NATIVE_FOLDER = "JAX_COMPILATION_CACHE_DIR", "NUMBA_CACHE_DIR"
SHORTEST = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
WORTH_KEEPING_S = "0.05"


def keep_compiled() -> None:
    """Names the folders to JAX and Numba; nothing is kept where the user's cache cannot be written to."""
    for variable, name in ((FOLDER, "compiled"), (NATIVE_FOLDER, "native")):
        if variable in os.environ:
            continue
        with suppress(OSError, RuntimeError):  # the user may have no home
            folder = cache_folder() / f"{name}-{_processor()}"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.environ[variable] = str(folder)
            os.environ.setdefault(SHORTEST, WORTH_KEEPING_S)


def cache_folder() -> Path:
    """The user's cache of this program; it may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "placement"


def _processor() -> str:
    """Eight digits that differ between kinds of processors."""
    kind = platform.machine() + platform.processor()
    with suppress(OSError):
        flags = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if line.startswith(("flags", "Features"))]
        kind += flags[0] if flags else ""
    return hashlib.sha256(kind.encode()).hexdigest()[:8]
