from __future__ import annotations

import json
import math

import pytest

from optimizer.store.summary import KEYS, read_summary, versions, write_summary


def test_keys_stand_in_the_order_of_the_interface_with_others_after_them(tmp_path):
    write_summary({"more": 1} | dict.fromkeys(reversed(KEYS), 0), tmp_path / "summary.json")
    assert list(json.loads((tmp_path / "summary.json").read_text())) == [*KEYS, "more"]
    assert read_summary(tmp_path)["more"] == 1


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_an_error_and_nothing_is_written(tmp_path, key):
    with pytest.raises(ValueError, match=f"must have {key}"):
        write_summary({name: 0 for name in KEYS if name != key}, tmp_path / "summary.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_numbers_that_json_does_not_have_are_an_error(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_summary(dict.fromkeys(KEYS, value), tmp_path / "summary.json")


def test_versions_name_what_made_the_numbers():
    assert {"python", "jax", "ortools", "numpy"} <= set(versions())
