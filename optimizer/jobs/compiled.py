"""What JAX reads from the environment when it is first imported: this comes before. What a user has set there stays.

Kernels that JAX has compiled are kept from one run to the next in the user's cache; they hold shapes, no figures of anybody. The folder is
for processors of one kind, as what is compiled for one may not run on another. A card's memory is taken as it is needed: a job's processes
share the card, and the first would else take most of it.
"""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from pathlib import Path

FOLDER = "JAX_COMPILATION_CACHE_DIR"
SHORTEST = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
WORTH_KEEPING_S = "0.05"
TAKES_ALL = "XLA_PYTHON_CLIENT_PREALLOCATE"


def prepare_jax() -> None:
    """Sets them; no kernels are kept where the user's cache cannot be written to."""
    os.environ.setdefault(TAKES_ALL, "false")
    if FOLDER in os.environ:
        return
    folder = cache_folder() / f"compiled-{_processor()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[FOLDER] = str(folder)
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
