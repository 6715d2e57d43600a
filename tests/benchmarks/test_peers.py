"""Peers run in environments of their own: what they are asked, and what happens where they are missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.aiconfigurator import PROGRAM, estimates
from benchmarks.peers.aiconfigurator_estimates import arguments
from optimizer.errors import ConfigError
from tests.surfaces.serving_world import DEPLOYMENTS, setups_of
from tests.tolerances import KERNEL_AGAINST_LOOP

RUN = {"accelerator": "h200", "model": "dsr1", "precision": "fp8", "framework": "sglang", "input_tokens": 1024.0, "output_tokens": 512.0}
RUN |= {"concurrency": 64.0, "accelerators": 8.0, "expert_parallel": 4.0}


def test_a_run_is_asked_for_in_the_words_of_the_peer():
    asked = arguments(RUN)
    assert (asked["model_path"], asked["system_name"], asked["backend_name"]) == ("deepseek-ai/DeepSeek-R1", "h200_sxm", "sglang")
    assert (asked["tp_size"], asked["moe_tp_size"], asked["moe_ep_size"], asked["batch_size"]) == (8, 2, 4, 64)
    assert asked["gemm_quant_mode"] == asked["moe_quant_mode"] == "fp8_block"
    dense = arguments(RUN | {"model": "llama8b", "precision": "unknown", "framework": "vllm"})
    assert "moe_ep_size" not in dense
    assert dense["gemm_quant_mode"] is None


def test_an_interpreter_without_the_peer_is_refused():
    with pytest.raises(ConfigError, match="aiconfigurator: must be a Python with aiconfigurator"):
        estimates(Path(sys.executable), setups_of(DEPLOYMENTS[:1]))


def test_runs_without_an_estimate_are_not_numbers(tmp_path):
    setups = setups_of(DEPLOYMENTS[:1]).taken(np.arange(2))
    python = tmp_path / "python"
    answers = [json.dumps(answer) for answer in ({"ttft_s": 0.5, "tpot_s": 0.01}, {"error": "no data"})]
    python.write_text(f"#!/bin/sh\ntest $2 = {PROGRAM} || exit 1\ncat > /dev/null\nprintf '%s\\n' '{answers[0]}' '{answers[1]}'\n")
    python.chmod(0o755)
    found = estimates(python, setups)
    tokens = setups.concurrency[0] * (setups.input_tokens[0] + setups.output_tokens[0])
    expected = tokens / (0.5 + (setups.output_tokens[0] - 1.0) * 0.01) / setups.parallel[0]
    assert found[0].tolist() == [0.01, 0.5, pytest.approx(expected, rel=KERNEL_AGAINST_LOOP)]
    assert np.isnan(found[1]).all()
