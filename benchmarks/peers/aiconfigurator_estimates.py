"""AIConfigurator's estimates of serving runs; run by the interpreter of an environment in which it is installed, and by nothing of ours.

    python aiconfigurator_estimates.py < runs.jsonl > estimates.jsonl

A line in is a run (accelerator, model, precision, framework, input_tokens, output_tokens, concurrency, accelerators, expert_parallel);
a line out holds ttft_s and tpot_s, or the reason why there is no estimate.
"""

import json
import logging
import os
import sys
import warnings

SYSTEMS = {"h100": "h100_sxm", "h200": "h200_sxm", "b200": "b200_sxm", "b300": "b300_sxm"}
MODELS = {
    "dsr1": "deepseek-ai/DeepSeek-R1",
    "glm5": "zhipuai/GLM-5",
    "gptoss120b": "openai/gpt-oss-120b",
    "kimi": "moonshotai/Kimi-K2.5",
    "llama70b": "meta-llama/Meta-Llama-3.1-70B",
    "llama8b": "meta-llama/Meta-Llama-3.1-8B",
    "minimax": "MiniMaxAI/MiniMax-M2.5",
    "qwen235b": "Qwen/Qwen3-235B-A22B",
    "qwen32b": "Qwen/Qwen3-32B",
    "qwen35": "Qwen/Qwen3.5-397B-A17B",
}
DENSE = {"llama70b", "llama8b", "qwen32b"}
MODES = {"bf16": "bfloat16", "fp8": "fp8", "fp4": "nvfp4", "int4": "int4_wo"}  # of matrices and experts; otherwise the model's own
SGLANG = {"fp8": "fp8_block"}


def arguments(run):
    """Those of `cli_estimate`."""
    mode = MODES.get(run["precision"])
    if run["framework"] == "sglang":
        mode = SGLANG.get(mode, mode)
    found = {
        "model_path": MODELS[run["model"]],
        "system_name": SYSTEMS[run["accelerator"]],
        "backend_name": run["framework"],
        "isl": int(run["input_tokens"]),
        "osl": int(run["output_tokens"]),
        "batch_size": int(run["concurrency"]),
        "tp_size": int(run["accelerators"]),
        "gemm_quant_mode": mode,
    }
    if run["model"] not in DENSE:
        found["moe_ep_size"] = max(int(run["expert_parallel"]), 1)
        found["moe_tp_size"] = found["tp_size"] // found["moe_ep_size"]
        found["moe_quant_mode"] = mode
    return found


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what it prints of its own is no answer
    from aiconfigurator.cli.api import cli_estimate

    for line in sys.stdin:
        try:
            estimate = cli_estimate(**arguments(json.loads(line)))
            answer = {"ttft_s": estimate.ttft / 1e3, "tpot_s": estimate.tpot / 1e3}
        except Exception as error:  # noqa: BLE001 - whatever it refuses is a run without an estimate
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
