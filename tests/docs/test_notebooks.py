"""The example notebooks run from their first cell to their last, and lie in the repository without output."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_output(path):
    cells = code_cells(path)
    assert cells
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path):
    names: dict[str, object] = {}
    shown = [run("".join(cell["source"]), names) for cell in code_cells(path)]
    assert sum(bool(each) for each in shown) >= 3


def run(source: str, names: dict[str, object]) -> object:
    """Runs a cell; what a notebook shows of its last line, if that is an expression."""
    *lines, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        lines, last = [*lines, last], None
    exec(compile(ast.Module(body=lines, type_ignores=[]), "cell", "exec"), names)
    if last is None:
        return None
    value = eval(compile(ast.Expression(body=last.value), "cell", "eval"), names)
    for way in ("_repr_mimebundle_", "_repr_html_"):
        if hasattr(value, way):
            return getattr(value, way)()
    return repr(value)
