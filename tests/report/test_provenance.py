"""Where a page comes from, in words; what is not known is not told."""

from __future__ import annotations

from optimizer.report.provenance import provenance

SUMMARY = {
    "run_id": "20280103T060000.123Z-3fa91c",
    "previous_run": None,
    "job": "plan",
    "case": "lab",
    "as_of": "2028-01-03",
    "solver": "price_and_assign/highs",
    "device": "cpu",
    "seed": 0,
    "loads": 1_200,
    "pools": 40,
    "seconds": 71.6,
    "phases": {"surfaces": 1.85, "solve": 60.0},
    "verified": True,
    "verify_error_usd": 3.8e-6,
    "versions": {"python": "3.12.1", "placement-optimizer": "0.1.0", "jax": "0.10.2"},
    "inputs": {"offers.csv": "08ab.csv", "calendar.csv": "77ff.csv"},
}


def test_a_run_is_told_in_words():
    facts, inputs = provenance(SUMMARY)
    assert facts.values == {
        "run": "20280103T060000.123Z-3fa91c",
        "job": "plan, version 0.1.0",
        "case": "lab, as of 2028-01-03",
        "solver": "price_and_assign/highs, on cpu, seed 0",
        "size": "1,200 loads, 40 pools",
        "time": "72 s: solve 60.0, surfaces 1.9",
        "verified": "yes, cost recomputed to the cent",
        "programs": "python 3.12.1, jax 0.10.2",
    }
    assert inputs.rows == (("calendar.csv", "77ff"), ("offers.csv", "08ab"))


def test_what_is_not_known_is_not_told():
    facts, inputs = provenance({"job": "compare", "seconds": None, "versions": None, "left_out": ["prices"]})
    assert facts.values == {"job": "compare", "left out": "prices"}
    assert inputs.rows == ()
