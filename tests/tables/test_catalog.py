"""Where cases are, in the source tree and where a wheel puts them; and that the shipped cases read."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import ConfigError
from optimizer.tables import catalog
from optimizer.tables.read import read_case


def test_cases_of_the_source_tree() -> None:
    assert catalog.data_folder() == Path(catalog.__file__).parents[2] / "data"
    assert {"tiny", "small", "frontier_lab"} <= set(catalog.case_names())
    assert catalog.case_folder("tiny") == catalog.data_folder() / "tiny"


def test_an_installed_wheel_carries_them_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "optimizer"
    for folder in (package / "_data" / "mine", package / "_configs", tmp_path / "site-packages" / "data" / "another_package"):
        folder.mkdir(parents=True)
        (folder / "calendar.csv").write_text("")
    monkeypatch.setattr(catalog, "_PACKAGE", package)
    assert catalog.data_folder() == package / "_data"
    assert catalog.config_folder() == package / "_configs"
    assert catalog.reference_folder() == package / "_data" / "reference"
    assert catalog.case_names() == ("mine",)


@pytest.mark.parametrize("name", ["tyni", "reference", "../data/tiny", ""])
def test_an_unknown_name_lists_the_names(name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        catalog.case_folder(name)
    assert str(raised.value) == (
        f"case: must be the name of a case that comes with the planner; got {name}. "
        f"Choose one of {', '.join(catalog.case_names())}, or name a folder of your own with case.path."
    )


@pytest.mark.parametrize("name", catalog.case_names())
def test_shipped_cases_read(name: str) -> None:
    case = read_case(catalog.case_folder(name))
    assert case.name == name
    assert case.workloads
    assert sum(scenario.probability for scenario in case.scenarios) == pytest.approx(1)
