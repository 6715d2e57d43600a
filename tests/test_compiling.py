"""What JAX is asked for by whatever imports it here."""

from __future__ import annotations

import importlib
import os

import pytest

from optimizer import compiling


@pytest.mark.parametrize(("given", "found"), [(None, "false"), ("true", "true")])
def test_processes_share_a_card_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, given: str | None, found: str) -> None:
    monkeypatch.delenv(compiling.TAKES_ALL, raising=False)
    if given is not None:
        monkeypatch.setenv(compiling.TAKES_ALL, given)
    importlib.reload(compiling)
    assert os.environ[compiling.TAKES_ALL] == found
