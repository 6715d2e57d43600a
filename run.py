#!/usr/bin/env python3
"""Installs the planner beside this file and runs it; needs nothing but Python 3.11, 3.12 or 3.13.

    python3 run.py plan [key=value ...]     any job of `placement`
    python3 run.py test [pytest arguments]  ruff, mypy, lint-imports and the tests
    python3 run.py --venv FOLDER ...        the environment in FOLDER instead of .venv

The first call makes the environment from requirements.lock, with every hash checked; later calls use it until
the lock changes.
"""

# No `from __future__` and no newer syntax here: an old Python must be able to read this file up to its own refusal.

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 13)
CHECKS = (("ruff", "check", "."), ("mypy",), ("lint-imports", "--no-cache"))


def python_refusal(version: "tuple[int, int]", has_venv: bool) -> str:
    """What to install before this Python can be used; empty where it can."""
    name = ".".join(map(str, version))
    if not OLDEST <= version <= NEWEST:
        return (
            f"Python 3.11, 3.12 or 3.13 is needed; got {name} ({sys.executable}). Install one "
            "(Debian, Ubuntu: apt install python3.11 python3.11-venv; macOS: brew install python@3.13) "
            "and call it by name, for example: python3.11 run.py plan"
        )
    if not has_venv:
        return (
            f"Python {name} here cannot make environments: its venv and ensurepip modules are missing. Install them "
            f"(Debian, Ubuntu: apt install python{name}-venv) and run the same command again."
        )
    return ""


def venv_python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_environment(folder: Path) -> None:
    """Brings the environment up to date with the lock and the project; does nothing where it is."""
    lock = ROOT / "requirements.lock"
    wanted = fingerprint(lock.read_bytes(), sys.version.encode())
    if not (is_stamped(folder, "lock", wanted) and venv_python(folder).exists()):
        print(f"Installing the locked packages into {folder} (once, about a minute) ...", file=sys.stderr, flush=True)
        clear_environment(folder)
        install_lock(folder, lock)
        stamp(folder, "lock", wanted)
    project = fingerprint((ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode())
    if not is_stamped(folder, "project", project):
        pip(folder, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        stamp(folder, "project", project)


def clear_environment(folder: Path) -> None:
    """A new environment, whatever an interrupted or older installation left; never on top of anything else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise SystemExit(f"{folder}: must be empty, absent or an environment made by run.py. Name another folder with --venv.")
    command([sys.executable, "-m", "venv", "--clear", str(folder)])


def install_lock(folder: Path, lock: Path) -> None:
    """All locked packages. setuptools comes first: antlr4 is source only and is built with it, unisolated and so hash-checked."""
    builder = re.search(r"^setuptools==.*(?:\n    .*)*", lock.read_text(), re.MULTILINE)
    if builder is None:
        raise SystemExit(f"{lock}: must hold setuptools. Make it again as docs/index.md says.")
    with tempfile.TemporaryDirectory() as scratch:
        first = Path(scratch) / "setuptools.lock"
        first.write_text(builder.group() + "\n")
        pip(folder, "--require-hashes", "--requirement", str(first))
    pip(folder, "--require-hashes", "--no-build-isolation", "--requirement", str(lock))


def pip(folder: Path, *arguments: str) -> None:
    quiet = ("-qq", "--disable-pip-version-check", "--no-input")
    command([str(venv_python(folder)), "-m", "pip", "install", *quiet, *arguments])


def command(arguments: "list[str]") -> None:
    done = subprocess.run(arguments, check=False)
    if done.returncode != 0:
        raise SystemExit("Installation stopped (see above) and will start afresh next time: {}".format(" ".join(arguments[:6])))


def fingerprint(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_stamped(folder: Path, step: str, wanted: str) -> bool:
    mark = folder / (".placement-" + step)
    return mark.exists() and mark.read_text() == wanted


def stamp(folder: Path, step: str, done: str) -> None:
    """Written last, so that an interrupted installation has no stamp."""
    (folder / (".placement-" + step)).write_text(done)


def run_tests(folder: Path, pytest_arguments: "list[str]") -> int:
    """Every check, even after one failed; pytest comes last, so that its closing line is."""
    tools = venv_python(folder).parent
    failed = []
    for check in CHECKS:
        print("== {}".format(" ".join(check)), flush=True)
        if subprocess.run([str(tools / check[0]), *check[1:]], cwd=ROOT, check=False).returncode != 0:
            failed.append(check[0])
    if failed:
        print("== failed so far: {}".format(", ".join(failed)), flush=True)
    print("== pytest", flush=True)
    two_at_a_time = [] if pytest_arguments else ["-n", "2"]
    tests = subprocess.run([str(tools / "pytest"), *two_at_a_time, *pytest_arguments], cwd=ROOT, check=False)
    return tests.returncode or int(bool(failed))


def run_job(folder: Path, arguments: "list[str]") -> int:
    """Replaces this process, so that Ctrl-C reaches the planner alone. -P: a folder of the same name here is not the package."""
    job = [str(venv_python(folder)), "-P", "-m", "optimizer", *arguments]
    if os.name == "nt":
        return subprocess.run(job, check=False).returncode
    os.execv(job[0], job)


def main(arguments: "list[str]") -> int:
    folder = ROOT / ".venv"
    if arguments[:1] == ["--venv"]:
        if len(arguments) < 2:
            raise SystemExit("--venv: a folder must follow. Example: python3 run.py --venv /some/folder plan")
        folder, arguments = Path(arguments[1]).resolve(), arguments[2:]
    refusal = python_refusal(sys.version_info[:2], bool(importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")))
    if refusal:
        raise SystemExit(refusal)
    make_environment(folder)
    if arguments[:1] == ["test"]:
        return run_tests(folder, arguments[1:])
    return run_job(folder, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
