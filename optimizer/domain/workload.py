"""What has to run: services, training runs, research, batch; the models they use and where users are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import inf


class Kind(StrEnum):
    INFERENCE = "inference"
    TRAINING = "training"
    RESEARCH = "research"
    BATCH = "batch"


FOUR_BIT_BYTES = 0.5625  # per weight of 4 bits: every 16 share a scale of 8 bits


class Precision(StrEnum):
    BF16 = "bf16"
    FP8 = "fp8"
    FP4 = "fp4"

    @property
    def bytes_per_weight(self) -> float:
        return {"bf16": 2.0, "fp8": 1.0, "fp4": FOUR_BIT_BYTES}[self.value]


@dataclass(frozen=True, kw_only=True)
class Model:
    """Architecture of a language model, as far as its cost depends on it."""

    name: str
    parameters_b: float  # 1e9
    active_parameters_b: float  # 1e9 per token
    expert_parameters_b: float  # 1e9 in experts
    experts: int
    experts_per_token: int
    layers: int
    hidden_size: int
    kv_heads: int  # 1 for latent attention: the cache is replicated
    kv_bytes_per_token: float
    attention_flops_per_token_per_context_token: float


@dataclass(frozen=True, kw_only=True)
class ServingTechniques:
    """What servers of a workload do beyond continuous batching. The defaults do none of it."""

    prefix_hit_share: float = 0.0  # share of the prompt tokens found in a prefix cache, [0, 1)
    drafted_tokens: int = 0  # speculative decoding: tokens drafted in a step; 0: none
    acceptance_share: float = 0.0  # chance that a drafted token is accepted after those before it, [0, 1)
    draft_step_share: float = 0.0  # time in which one token is drafted, in decode steps of the model itself
    chunk_tokens: float = inf  # chunked prefill: prompt tokens in one step; inf: the whole prompt
    prefill_share: float = 0.0  # disaggregated prefill: share of a replica's accelerators that do nothing else, [0, 1); 0: mixed


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A service, a training programme, research or batch work."""

    name: str
    kind: Kind
    model: str | None  # None: throughput is measured, or demand is in accelerators
    precision: Precision
    residency: tuple[str, ...] | None  # jurisdictions allowed; None: any
    accelerators_allowed: tuple[str, ...] | None  # None: any that fits
    ttft_p95_ms: float | None  # limit on time to first token, network included; None: no limit
    tpot_ms: float | None  # limit on time per output token; None: no limit
    spot_allowed: bool
    priority: int  # 1 is the highest; orders messages and ties, the penalty decides
    shortage_penalty: float  # USD / accelerator-hour not served
    split: int  # equal shares into which an origin's demand may be split, >= 1
    move_cost: float  # USD per load moved into another pool
    data_gb: float  # copied when a load moves
    techniques: ServingTechniques = ServingTechniques()


@dataclass(frozen=True, kw_only=True)
class Origin:
    name: str
    latitude: float
    longitude: float
    time_zone: str  # IANA
    weekday_profile: tuple[float, ...]  # 24 relative weights by local hour
    weekend_profile: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One run: a fixed number of tokens, on one gang in one pool, inside its window."""

    name: str
    workload: str
    tokens: float
    window_start: date
    window_end: date  # exclusive
    gang_sizes: tuple[int, ...]  # accelerators allowed
    sequence_length: int
    data_site: str | None  # where the data is; None: copied at no charge
    data_gb: float
    delay_cost: float  # USD per day after the window's start at which the run ends


@dataclass(frozen=True, kw_only=True)
class MeasuredThroughput:
    """A lab's own figure; it overrides the serving equations."""

    workload: str
    accelerator: str
    tokens_per_s_per_accelerator: float  # prompt and output tokens
    max_utilisation: float  # (0, 1]
    accelerators_per_replica: int


@dataclass(frozen=True, kw_only=True)
class PlacementInForce:
    """Where a load or a training run is running now."""

    load: str
    pool: str
