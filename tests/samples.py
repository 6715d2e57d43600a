"""Long lists of cases: a part in every run of the tests, all of them with `-m "slow or not slow"`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(every: int, values: Iterable[Any], ids: Iterable[str] | None = None) -> list[Any]:
    """The values as parameters, those after each first of `every` marked slow."""
    listed = list(values)
    names = [str(value) for value in listed] if ids is None else list(ids)
    marks = [() if i % every == 0 else pytest.mark.slow for i in range(len(listed))]
    return [pytest.param(value, id=name, marks=mark) for value, name, mark in zip(listed, names, marks, strict=True)]
