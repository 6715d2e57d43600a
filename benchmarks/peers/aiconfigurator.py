"""AIConfigurator beside the serving model: its estimates of runs, made by an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.settings import require
from optimizer.domain.measured_serving import ServingSetups
from optimizer.domain.surface import Floats

PROGRAM = Path(__file__).with_name("aiconfigurator_estimates.py")
HIGHEST_SHOWN = 300  # last characters of what a failed program said


def estimates(interpreter: Path, setups: ServingSetups) -> Floats:
    """TPOT, TTFT and throughput of runs, [N, 3]; nan where it gives no estimate.

    Args:
      interpreter: Python of an environment in which aiconfigurator is installed.

    Raises:
      ConfigError: the interpreter cannot run it.
    """
    columns = {
        **{name: getattr(setups, name) for name in ("accelerator", "model", "precision", "framework")},
        **{name: getattr(setups, name).tolist() for name in ("input_tokens", "output_tokens", "concurrency", "expert_parallel")},
        "accelerators": setups.parallel.tolist(),
    }
    runs = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    asked = "".join(json.dumps(run) + "\n" for run in runs)
    # isolated: the folder of the program, which holds a module of the peer's name, is not where it looks for modules
    done = subprocess.run([str(interpreter), "-I", str(PROGRAM)], input=asked, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    rule = "must be a Python with aiconfigurator"
    require(done.returncode == 0 and len(answers) == len(runs), "aiconfigurator", rule, done.stderr[-HIGHEST_SHOWN:], "Install it there.")
    tpot, ttft = (np.array([answer.get(name, np.nan) for answer in answers]) for name in ("tpot_s", "ttft_s"))
    seconds = ttft + (setups.output_tokens - 1.0) * tpot
    tokens = setups.concurrency * (setups.input_tokens + setups.output_tokens) / seconds / setups.parallel
    return np.stack([tpot, ttft, tokens], axis=1)
