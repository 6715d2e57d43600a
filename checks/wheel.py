#!/usr/bin/env python3
"""Builds the wheel, installs it in a new environment and plans from an empty folder, as a user without the sources would.

    python3 checks/wheel.py [overrides of the second plan, default case=small]

Takes a few minutes; needs the environment that run.py makes, for its build backend.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import run  # noqa: E402 - found beside this folder


def main(overrides: list[str]) -> int:
    run.make_environment(ROOT / ".venv")
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(Path(scratch) / "wheel")
        installed = Path(scratch) / "venv"
        run.clear_environment(installed)
        run.install_lock(installed, ROOT / "requirements.lock")
        run.pip(installed, "--no-deps", str(wheel))
        for words in (["case=tiny"], overrides or ["case=small"]):
            plan_from_nowhere(installed, Path(scratch), words)
    print("The wheel plans from an empty folder.")
    return 0


def build_wheel(folder: Path) -> Path:
    python = str(run.venv_python(ROOT / ".venv"))
    subprocess.run([python, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


def plan_from_nowhere(installed: Path, scratch: Path, overrides: list[str]) -> None:
    """Runs the installed command where there is nothing else, and reads what it wrote."""
    empty = Path(tempfile.mkdtemp(dir=scratch))
    command = [str(run.venv_python(installed).parent / "placement"), "plan", *overrides]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=empty, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    last = done.stdout.splitlines()[-1]
    print(f"placement plan {' '.join(overrides)}: {last}")
    summary = json.loads((empty / last.removeprefix("run: ") / "summary.json").read_text())
    if not summary["verified"] or [path.name for path in empty.iterdir()] != ["runs"]:
        raise SystemExit("The installed planner did not verify its plan, or left files beside runs/.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
