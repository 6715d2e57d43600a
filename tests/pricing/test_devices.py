"""Loads cut over four devices, and over two processes, are priced as on one device, up to rounding."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimizer.pricing.ascent import price
from tests.pricing.devices import STEPS, problem
from tests.tolerances import SAME_ON_MORE_DEVICES

ROOT = Path(__file__).resolve().parents[2]


def started(flags: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.pricing.devices", *words],
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def check(found: dict[str, Any], devices: int) -> None:
    alone = price(problem(), iterations=STEPS)
    assert found["devices"] == devices
    assert found["bound_usd"] == pytest.approx(alone.bound_usd, rel=SAME_ON_MORE_DEVICES)
    assert found["pairs"] == pytest.approx(alone.shares.pair.sum(), rel=SAME_ON_MORE_DEVICES * 100)
    assert found["placed"] == list(alone.placed.shape)


@pytest.mark.slow
def test_four_devices() -> None:
    check(told(started("--xla_force_host_platform_device_count=4")), 4)


@pytest.mark.slow
def test_two_processes_with_two_devices_each() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
    both = [started("--xla_force_host_platform_device_count=2", where, "2", str(process)) for process in range(2)]
    for found in [told(process) for process in both]:
        check(found, 4)
