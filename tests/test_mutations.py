"""Broken copies of frontier_lab in a short form; `checks/mutations.py` makes three hundred."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optimizer.errors import Violation

ROOT = Path(__file__).resolve().parents[1]
COPIES = (0, 1, 3, 5, 6, 8, 10, 11, 13, 14)  # of each kind of mutation one


@pytest.fixture
def mutations(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "checks"), *sys.path])
    import mutations

    return mutations


def test_broken_tables_are_refused_by_name_and_sound_ones_are_read(mutations, tmp_path):
    came = []
    for number in COPIES:
        folder, done = mutations.mutated(tmp_path / str(number), number, 0)
        came.append(mutations.outcome(folder, assemble=False))
        assert done
    assert set(came) == {"refused", "sound"}


def test_a_cell_cannot_fill_a_terminal_or_forge_a_line():
    told = str(Violation(where="a.csv", rule="must be a number", got="1\n" + "9" * 5_000_000, rows=("k" * 1_000,)))
    assert len(told) < 3_000
    assert "\n" not in told
    assert r"got 1\n999" in told
    assert "(5,000,002 characters)" in told
