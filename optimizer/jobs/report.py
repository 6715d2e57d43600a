"""placement report: the page of a run made again, whole or with less in it to share."""

from __future__ import annotations

import os
from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.jobs.pages import DOCUMENT, page_html, page_of_run
from optimizer.jobs.settings import ReportJob
from optimizer.report.redaction import redacted
from optimizer.store.runs import find_run

OWNER_ONLY, SHARED = 0o600, 0o644


def run(settings: ReportJob) -> int:
    """Writes the page of a run to a file; the run stays as it is."""
    found = find_run(Path(settings.output.folder), settings.run, having=DOCUMENT)
    hidden = tuple(settings.redact or ())
    page = page_html(redacted(page_of_run(found), hidden))
    file = Path(settings.file or f"{found.name}{'-shared' if hidden else ''}.html").expanduser()
    _write(file, page, SHARED if hidden else OWNER_ONLY)
    print(f"page: {file}" + (f", without {' and '.join(hidden)}" if hidden else ""))
    print(f"run: {found}")
    return 0


def _write(file: Path, page: str, mode: int) -> None:
    draft = file.with_name(f".{file.name}.draft")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.chmod(mode)
        os.replace(draft, file)
    except OSError as error:
        raise ConfigError("file", "must be a file that can be written", f"{file} ({error.strerror})", "Name another file.") from error
