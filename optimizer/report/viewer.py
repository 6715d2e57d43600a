"""The script that draws charts in a browser: Vega, Vega-Lite and Vega-Embed in one file, put into every page that has charts."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import vl_convert


def viewer_script(cache: Path | None) -> str:
    """The script; making it takes seconds, so it is kept in `cache` where that can be written."""
    versions = f"{version('vl-convert-python')}-{vl_convert.get_vega_version()}"
    kept = None if cache is None else cache / f"viewer-{versions}.js"
    if kept is not None and kept.is_file():
        return kept.read_text(encoding="utf-8")
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    if kept is not None:
        with suppress(OSError):
            draft = kept.with_suffix(f".{os.getpid()}")
            draft.write_text(script, encoding="utf-8")
            os.replace(draft, kept)
    return script
