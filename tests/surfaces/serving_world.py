"""Serving runs made up from known parameters: two accelerators, three models, two frameworks, and a surface of each deployment's own."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np

from optimizer.domain.measured_serving import MeasuredServing, ServingSetups
from optimizer.domain.supply import Accelerator
from optimizer.domain.workload import Model
from optimizer.surfaces.serving import PARAMETER_NAMES, ServingParameters
from optimizer.surfaces.serving_fit import log_times, logs_of
from optimizer.surfaces.serving_groups import groups_of, serving_runs

ACCELERATORS = {
    name: Accelerator(
        name=name,
        bf16_tflops=tflops,
        fp8_tflops=2 * tflops,
        fp4_tflops=None,
        hbm_gb=memory,
        hbm_tb_per_s=bandwidth,
        link_gb_per_s=450.0,
        max_parallel=8,
    )
    for name, tflops, memory, bandwidth in (("small", 900.0, 96.0, 3.0), ("large", 2200.0, 192.0, 8.0))
}
# all, active and expert parameters, 1e9; layers
SIZES = (("little", 8.0, 8.0, 0.0, 32), ("big", 70.0, 70.0, 0.0, 80), ("sparse", 100.0, 8.0, 90.0, 40))
MODELS = {
    name: Model(
        name=name,
        parameters_b=total,
        active_parameters_b=active,
        expert_parameters_b=expert,
        experts=64 if expert else 1,
        experts_per_token=4 if expert else 1,
        layers=layers,
        hidden_size=4096,
        kv_heads=8,
        kv_bytes_per_token=65_536.0,
        attention_flops_per_token_per_context_token=1e6,
    )
    for name, total, active, expert, layers in (
        ("little", 8.0, 8.0, 0.0, 32),
        ("big", 70.0, 70.0, 0.0, 80),
        ("sparse", 100.0, 8.0, 90.0, 40),
    )
}
TRUTH = ServingParameters(
    memory_efficiency=0.8,
    arithmetic_efficiency=0.4,
    layer_s=45e-6,
    interference=0.9,
    first_token_s=0.04,
    prefill_queueing=2.0,
    burst=0.05,
    slot_waiting=0.05,
)
FRAMEWORK_SPEED = {"quick": 0.0, "slow": 0.3}  # added to the log of the overheads of a step and of a layer
CONCURRENCIES = (2.0, 8.0, 32.0, 128.0)
LENGTHS = ((1024.0, 256.0), (1024.0, 1024.0), (4096.0, 256.0), (256.0, 2048.0))


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What is served on what by what."""

    accelerator: str
    model: str
    framework: str
    parallel: float = 4.0
    bend: float = 0.0  # of ln TPOT for each e-fold of concurrency


true_times = jax.jit(log_times)
DEPLOYMENTS = (
    Deployment(accelerator="small", model="little", framework="quick", parallel=1.0),
    Deployment(accelerator="small", model="big", framework="quick"),
    Deployment(accelerator="small", model="sparse", framework="slow"),
    Deployment(accelerator="large", model="little", framework="slow", parallel=1.0, bend=0.05),
    Deployment(accelerator="large", model="sparse", framework="quick"),
)


def setups_of(deployments: tuple[Deployment, ...], *, lengths: tuple[tuple[float, float], ...] = LENGTHS) -> ServingSetups:
    """Every deployment at every length and concurrency."""
    rows = [(each, prompt, output, n) for each in deployments for prompt, output in lengths for n in CONCURRENCIES]
    return ServingSetups(
        accelerator=tuple(each.accelerator for each, *_ in rows),
        model=tuple(each.model for each, *_ in rows),
        precision=("fp8",) * len(rows),
        framework=tuple(each.framework for each, *_ in rows),
        input_tokens=np.array([row[1] for row in rows]),
        output_tokens=np.array([row[2] for row in rows]),
        concurrency=np.array([row[3] for row in rows]),
        parallel=np.array([row[0].parallel for row in rows]),
        expert_parallel=np.ones(len(rows)),
    )


def measured(
    deployments: tuple[Deployment, ...] = DEPLOYMENTS,
    *,
    noise: float = 0.01,
    seed: int = 0,
    speed: float = 0.0,
    lengths: tuple[tuple[float, float], ...] = LENGTHS,
) -> MeasuredServing:
    """What TRUTH gives, with log-normal noise; `speed` is added to the logs of all times."""
    setups = setups_of(deployments, lengths=lengths)
    with jax.enable_x64(True):
        runs = serving_runs(setups, groups_of(setups), ACCELERATORS, MODELS)
        logs = np.tile(np.asarray(logs_of(TRUTH)), (len(setups), 1))
        slow = np.array([FRAMEWORK_SPEED[name] for name in setups.framework])
        for name in ("step_s", "layer_s"):
            logs[:, PARAMETER_NAMES.index(name)] += slow
        times = np.array(true_times(jax.numpy.asarray(logs), jax.tree.map(jax.numpy.asarray, runs)))
    bends = {(each.accelerator, each.model): each.bend for each in deployments}
    pairs = zip(setups.accelerator, setups.model, strict=True)
    times[:, 0] += np.array([bends[pair] for pair in pairs]) * np.log(setups.concurrency)
    times += speed + noise * np.random.default_rng(seed).standard_normal(times.shape)
    return MeasuredServing(setups=setups, tpot_s=np.exp(times[:, 0]), ttft_s=np.exp(times[:, 1]), accelerators=ACCELERATORS, models=MODELS)
