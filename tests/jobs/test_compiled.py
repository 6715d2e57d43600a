"""Where compiled kernels are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.jobs import compiled
from optimizer.jobs.compiled import EMITTERS, FLAGS, FOLDER, keep_compiled


@pytest.fixture(autouse=True)
def _flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLAGS, "")


def test_the_users_cache_is_named_and_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep_compiled()
    folder = Path(os.environ[FOLDER])
    assert folder.parent == tmp_path / "placement"
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_the_user_names_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, "/named/by/the/user")
    keep_compiled()
    assert os.environ[FOLDER] == "/named/by/the/user"


def test_a_cache_that_cannot_be_written_to_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.delenv(FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    keep_compiled()
    assert FOLDER not in os.environ


def test_quick_compilation_is_asked_for_beside_the_users_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLAGS, "--xla_force_host_platform_device_count=4")
    keep_compiled()
    assert os.environ[FLAGS] == f"--xla_force_host_platform_device_count=4 --{EMITTERS}=false"


def test_what_the_user_asks_of_the_compiler_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLAGS, f"--{EMITTERS}=true")
    keep_compiled()
    assert os.environ[FLAGS] == f"--{EMITTERS}=true"


def test_a_compiler_that_may_not_know_the_flag_is_not_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "version", lambda name: "0.11.0")
    keep_compiled()
    assert os.environ[FLAGS] == ""
