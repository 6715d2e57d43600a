"""The check of faults in a short form; `checks/faults.py` plays them all, a hundred kills among them."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "checks"))
    monkeypatch.setattr(sys, "path", [str(ROOT / "checks"), *sys.path])
    import faults

    return faults


def test_a_night_that_is_killed_or_short_of_disk_leaves_whole_runs(faults, tmp_path):
    night = faults.Night(tmp_path)
    faults.killed(night, random.Random(1), 1)
    faults.disk_full(night)


@pytest.mark.slow
def test_a_catalogue_that_is_lost_is_made_again(faults, tmp_path):
    night = faults.Night(tmp_path)
    night.plan()
    faults.catalogue_lost(night)
