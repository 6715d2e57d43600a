"""Measured serving runs: what is read, what is taken from elsewhere, and what is refused, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import DataError
from optimizer.tables.measured_serving import read_measured_serving

RUNS = (
    "accelerator,model,precision,framework,input_tokens,output_tokens,"
    "concurrency,accelerators,expert_parallel,data_parallel,ttft_s,tpot_s\n"
)
MODELS = (
    "model,parameters_b,active_parameters_b,expert_parameters_b,experts,experts_per_token,layers,hidden_size,"
    "kv_bytes_per_token,attention_flops_per_token_per_context_token\n"
)
GOOD = "h100,own,fp8,engine,1024,128,8,2,0,1,0.5,0.01\n"


def written(folder: Path, rows: str, models: str = "own,70,70,0,1,1,80,8192,163840,2621440\n") -> Path:
    (folder / "models.csv").write_text(MODELS + models)
    path = folder / "runs.csv"
    path.write_text(RUNS + rows)
    return path


def refused(path: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        read_measured_serving(path)
    assert caught.value.exit_code == 2
    return [str(violation).replace(str(path), "FILE") for violation in caught.value.violations]


def test_runs_are_read_with_what_they_name(tmp_path):
    runs = read_measured_serving(written(tmp_path, GOOD + "h100,own,bf16,engine,1024,128,16,2,,,0.7,0.02\n"))
    assert runs.setups.precision == ("fp8", "bf16")
    assert runs.setups.expert_parallel.tolist() == [1.0, 1.0]
    assert runs.accelerators["h100"].hbm_gb == 80.0  # shipped
    assert runs.models["own"].kv_heads == 8
    assert runs.tokens_per_s[0] == pytest.approx(8 * 1152 / (0.5 + 127 * 0.01) / 2)
    assert len(runs.taken([1])) == 1


@pytest.mark.parametrize(
    ("row", "heads"),
    [
        ("own,116.8,5.1,114.662,128,4,36,2880,18432,294912\n", 8),  # that of the shipped model with this architecture
        ("own,50,50,0,1,1,40,4096,81920,100000\n", 8),  # fills the cache with heads of 128 bytes
        ("own,600,40,500,256,8,60,7168,34560,100000\n", 1),  # latent attention
    ],
)
def test_key_value_heads_that_are_not_given(tmp_path, row, heads):
    assert read_measured_serving(written(tmp_path, GOOD, row)).models["own"].kv_heads == heads


def test_every_rule_that_is_broken_is_told_at_once(tmp_path):
    bad = "h100,own,fp9,engine,1024,128,8,2,0,1,0.5,0.01\nh100,own,fp8,engine,0,128,8,2,0,1,-1,fast\n"
    assert refused(written(tmp_path, GOOD + bad)) == [
        "FILE: precision must be one of bf16, fp8, fp4, int4, unknown; got fp9. 1 row (first: row 2). "
        "Write one of them (nearest: fp8, fp4).",
        "FILE: input_tokens must be >= 1 tokens; got 0. 1 row (first: row 3). Correct the value or remove the row.",
        "FILE: ttft_s must be > 0 s; got -1. 1 row (first: row 3). Correct the value or remove the row.",
        "FILE: tpot_s must be a number (s); got fast. 1 row (first: row 3). "
        "Write a plain decimal such as 1234.5, without thousands separators or a unit.",
    ]


def test_names_without_a_row_and_copies_are_refused(tmp_path):
    bad = "abacus,own,fp8,engine,1024,128,8,2,0,1,0.5,0.01\nh100,other,fp8,engine,1024,128,8,2,0,4,0.5,0.01\n"
    assert refused(written(tmp_path, GOOD + bad)) == [
        "FILE: accelerator must be a row of accelerators.csv beside the file, or a shipped one; got abacus. 1 row (first: row 2). "
        "Add its row to the table that accelerators= names.",
        "FILE: model must be a row of models.csv beside the file, or a shipped one; got other. 1 row (first: row 3). "
        "Add its row to the table that models= names.",
        "FILE: data_parallel must be 0 or 1 copies: a replica holds its weights once; got 4. 1 row (first: row 3). "
        "Write one row for one copy: its share of concurrency and accelerators.",
    ]


def test_a_file_without_rows_is_refused(tmp_path):
    assert refused(written(tmp_path, "")) == ["FILE: must have at least one row; got none. Write the rows."]
