"""The project around the engine: its lock, its wheel, its installer."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import run
from optimizer.jobs.catalog import JOBS
from optimizer.tables.catalog import case_names

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def asked() -> set[str]:
    """Names of all packages that the project and its developers ask for."""
    groups = PROJECT["dependency-groups"]
    wanted = PROJECT["project"]["dependencies"] + groups["build"] + [entry for entry in groups["dev"] if isinstance(entry, str)]
    return {re.split(r"[<>=\[]", entry)[0] for entry in wanted}


def test_the_lock_holds_everything_asked_for_and_what_builds_it():
    assert {"hatchling", "setuptools", "jax", "pytest"} <= asked() <= set(re.findall(r"^([a-z0-9-]+)==", LOCK, re.MULTILINE))


def test_every_locked_package_has_hashes_and_none_an_address():
    packages = re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE))
    assert all("--hash=sha256:" in package for package in packages)
    assert not re.search(r"https?:|file:|--index|--find-links|@ ", LOCK)


def test_the_wheel_carries_cases_and_configuration(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for job in JOBS:
        assert f"optimizer/_configs/{job}.yaml" in names
    for case in case_names():
        assert f"optimizer/_configs/case/{case}.yaml" in names
        assert any(name.startswith(f"optimizer/_data/{case}/calendar.") for name in names)
    assert any(name.startswith("optimizer/_data/reference/accelerators.") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"optimizer"}


@pytest.mark.parametrize(
    ("version", "has_venv", "told"),
    [
        ((3, 10), True, "Python 3.11, 3.12 or 3.13 is needed; got 3.10"),
        ((3, 14), True, "apt install python3.11 python3.11-venv"),
        ((3, 12), False, "apt install python3.12-venv"),
    ],
)
def test_a_python_that_will_not_do_is_told_what_to_install(version, has_venv, told):
    assert told in run.python_refusal(version, has_venv)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_supported_pythons_are_not_refused(version):
    assert run.python_refusal(version, True) == ""


@pytest.fixture
def installs(monkeypatch):
    """The steps of an installation, recorded instead of done."""
    steps: list[str] = []

    def cleared(folder: Path) -> None:
        steps.append("clear")
        python = run.venv_python(folder)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(run, "clear_environment", cleared)
    monkeypatch.setattr(run, "install_lock", lambda folder, lock: steps.append("lock"))
    monkeypatch.setattr(run, "pip", lambda folder, *arguments: steps.append("project"))
    return steps


def test_the_environment_is_made_once(installs, tmp_path):
    run.make_environment(tmp_path)
    run.make_environment(tmp_path)
    assert installs == ["clear", "lock", "project"]


def test_an_interrupted_installation_starts_afresh(installs, tmp_path, monkeypatch):
    def interrupted(folder: Path, lock: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "install_lock", interrupted)
        run.make_environment(tmp_path)
    run.make_environment(tmp_path)
    assert installs == ["clear", "clear", "lock", "project"]


def test_a_changed_lock_makes_a_new_environment(installs, tmp_path, monkeypatch):
    run.make_environment(tmp_path / "venv")
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes() + b"# changed\n")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    run.make_environment(tmp_path / "venv")
    assert installs == ["clear", "lock", "project"] * 2


def test_a_folder_that_holds_something_else_is_never_cleared(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SystemExit, match="must be empty, absent or an environment"):
        run.clear_environment(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_setuptools_is_installed_before_anything_else_and_by_hash(monkeypatch, tmp_path):
    calls = []

    def pip(folder: Path, *arguments: str) -> None:
        calls.append((arguments[:-1], Path(arguments[-1]).read_text()))

    monkeypatch.setattr(run, "pip", pip)
    run.install_lock(tmp_path, ROOT / "requirements.lock")
    (first, builder), (second, everything) = calls
    assert first == ("--require-hashes", "--requirement")
    assert re.findall(r"^\S+==", builder, re.MULTILINE) == ["setuptools=="]
    assert builder.count("--hash=sha256:") == 2
    assert second == ("--require-hashes", "--no-build-isolation", "--requirement")
    assert everything == LOCK
