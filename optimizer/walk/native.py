"""Functions of numbers and arrays, compiled for the processor when they are first called.

They are kept where the variable NUMBA_CACHE_DIR names a folder. What is kept goes by the file that a function is in, though it holds what
the function calls: so it is kept apart for each state of this folder.

They make no arrays and count no references (`_nrt`): views of what they are given are all they need, and counting took half of the time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., object])
Arrays = TypeVar("Arrays", bound=tuple[Any, ...])

ORDERLESS = {"contract", "nnan", "nsz", "reassoc"}  # sums in any order: several at once
OPTIONS = {"error_model": "numpy", "fastmath": ORDERLESS, "no_cfunc_wrapper": True, "_nrt": False}


def _folder() -> str:
    """Where what is compiled is kept; empty where nowhere."""
    if not _config.CACHE_DIR:
        return ""
    state = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))))
    folder = Path(_config.CACHE_DIR) / state.hexdigest()[:16]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


_config: Any = numba.config
_config.CACHE_DIR = _folder()


def native(function: Function) -> Function:
    """The function compiled, and kept with all that it calls, which is `native_part`."""
    return _compiled(function, cache=bool(_config.CACHE_DIR))


def native_part(function: Function) -> Function:
    """A function that is compiled into those that call it, and called from nowhere else."""
    return _compiled(function, no_cpython_wrapper=True)


def _compiled(function: Function, **options: Any) -> Function:
    return cast(Function, cast(Any, numba.njit)(**options, **OPTIONS)(function))


def laid_out(fields: Arrays) -> Arrays:
    """A named tuple with its arrays in one piece and writable, as what differs in that is compiled anew; copies where they are not so."""
    return type(fields)(*(_laid_out(field) if isinstance(field, np.ndarray) else field for field in fields))


def _laid_out(values: NDArray[Any]) -> NDArray[Any]:
    return np.require(values, requirements=["C", "W", "A"])
