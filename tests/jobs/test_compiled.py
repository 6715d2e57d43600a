"""Where compiled kernels are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.jobs.compiled import FOLDER, keep_compiled


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
