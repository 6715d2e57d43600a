"""Where compiled kernels are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.jobs.compiled import FOLDER, NATIVE_FOLDER, keep_compiled

both = pytest.mark.parametrize("variable", [FOLDER, NATIVE_FOLDER])


@both
def test_the_users_cache_is_named_and_made(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep_compiled()
    folder = Path(os.environ[variable])
    assert folder.parent == tmp_path / "placement"
    assert folder.stat().st_mode & 0o077 == 0


@both
def test_a_folder_that_the_user_names_is_kept(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "/named/by/the/user")
    keep_compiled()
    assert os.environ[variable] == "/named/by/the/user"


@both
def test_a_cache_that_cannot_be_written_to_is_no_failure(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    keep_compiled()
    assert variable not in os.environ
