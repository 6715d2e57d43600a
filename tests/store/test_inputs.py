from __future__ import annotations

import hashlib

import pytest

from optimizer.errors import DataError
from optimizer.store.inputs import differ, keep_inputs, kept_inputs


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


def test_inputs_come_back_by_name(files, tmp_path):
    keep_inputs(files, tmp_path / "inputs")
    kept = kept_inputs(tmp_path / "inputs")
    assert {name: path.read_text() for name, path in kept.items()} == {
        "offers.csv": "a",
        "accelerators.csv": "own",
        "reference/accelerators.csv": "shipped",
    }
    assert not differ(kept["offers.csv"], files[0])
    files[0].write_text("b")
    assert differ(kept["offers.csv"], files[0])


@pytest.mark.parametrize("harm", [lambda copy: copy.write_text("b"), lambda copy: copy.unlink()])
def test_a_changed_or_missing_copy_is_noticed(files, tmp_path, harm):
    index = keep_inputs(files, tmp_path / "inputs")
    harm(tmp_path / "inputs" / index["offers.csv"])
    with pytest.raises(DataError, match=r"copies of a run's inputs must be as they were.*offers\.csv"):
        kept_inputs(tmp_path / "inputs")
