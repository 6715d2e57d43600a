from __future__ import annotations

import hashlib

import pytest

from optimizer.store.inputs import keep_inputs, restore_inputs


@pytest.fixture
def files(tmp_path):
    case, reference = tmp_path / "lab", tmp_path / "reference"
    case.mkdir()
    reference.mkdir()
    contents = {case / "offers.csv": "a", case / "accelerators.csv": "own", reference / "accelerators.csv": "shipped"}
    for path, text in contents.items():
        path.write_text(text)
    return tuple(contents)


def test_copies_are_named_by_their_content_and_listed_by_table(files, tmp_path):
    index = keep_inputs(files, tmp_path / "inputs")
    assert set(index) == {"offers.csv", "accelerators.csv", "reference/accelerators.csv"}
    assert index["offers.csv"] == hashlib.sha256(b"a").hexdigest() + ".csv"
    assert (tmp_path / "inputs" / index["reference/accelerators.csv"]).read_text() == "shipped"


def test_equal_content_is_kept_once(files, tmp_path):
    files[1].write_text("a")
    index = keep_inputs(files, tmp_path / "inputs")
    assert index["offers.csv"] == index["accelerators.csv"]
    assert len(list((tmp_path / "inputs").glob("*.csv"))) == 2


def test_inputs_come_back_as_they_were(files, tmp_path):
    keep_inputs(files, tmp_path / "inputs")
    restore_inputs(tmp_path / "inputs", tmp_path / "again")
    assert (tmp_path / "again" / "accelerators.csv").read_text() == "own"
    assert (tmp_path / "again" / "reference" / "accelerators.csv").read_text() == "shipped"


def test_a_changed_copy_is_noticed(files, tmp_path):
    index = keep_inputs(files, tmp_path / "inputs")
    (tmp_path / "inputs" / index["offers.csv"]).write_text("b")
    with pytest.raises(ValueError, match="no longer matches its name"):
        restore_inputs(tmp_path / "inputs", tmp_path / "again")
