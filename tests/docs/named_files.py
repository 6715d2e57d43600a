"""Files that documents name and that come from other programs or from measurements, made up."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from tests.tables.exchange.files import SKYPILOT, charge, costs, focus_1_4
from tests.tables.minimal import PROVENANCE, tables, write

PLACES = {"london": (51.5, -0.1), "paris": (48.9, 2.4), "new-york": (40.7, -74.0), "tokyo": (35.7, 139.7), "dallas": (32.8, -96.8)}
SPEEDS = {"h100": 1.0, "h200": 1.4, "b200": 2.2}  # of decoding, against the first
APPLIED = {"ContractId": "north_2027", "ContractCommitmentId": "held", "ContractCommitmentAppliedCost": 1500.0}


def write_files(folder: Path) -> None:
    """Into the folder, and the case that imports change into its subfolder north."""
    made = tables()
    made["regions"] = [{"supplier": "north", "region": "eu-1", "site": "oslo"} | PROVENANCE]
    made["accelerator_names"] = [{"name": "Chip", "accelerator": "chip"} | PROVENANCE]
    write(folder / "north", made)
    content = {
        "contract_commitment.csv": focus_1_4({}),
        "cost_and_usage.csv": costs(charge("2028-01-03", "2028-01-04", APPLIED)),
        "aws.csv": SKYPILOT,
        "served.csv": "".join(served(("llama_3_8b", "llama_3_70b"))),
        "ours.csv": "".join(served(("llama_3_8b",))),
        "pairs.csv": "".join(round_trips(8.0)),
        "runs.csv": "".join(training_runs()),
    }
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")


def served(models: tuple[str, ...]) -> Iterator[str]:
    """Lines of a file: decoding slows down as requests and models grow."""
    yield "accelerator,model,precision,framework,input_tokens,output_tokens,concurrency,accelerators,ttft_s,tpot_s\n"
    for accelerator, speed in SPEEDS.items():
        for i, model in enumerate(models):
            for concurrency in (1, 8, 64):
                tpot = 0.008 * (1 + 4 * i) * (1 + concurrency / 40) / speed
                yield f"{accelerator},{model},fp8,vllm,1024,256,{concurrency},{2 + 6 * i},{20 * tpot:.4f},{tpot:.5f}\n"


def round_trips(least_ms: float) -> Iterator[str]:
    """Lines of a file: a time for every pair that grows with the difference of longitudes."""
    yield "from_region,to_region,from_latitude,from_longitude,to_latitude,to_longitude,rtt_ms\n"
    for (a, (p, q)), (b, (r, s)) in combinations(PLACES.items(), 2):
        yield f"{a},{b},{p},{q},{r},{s},{least_ms + abs(q - s):.1f}\n"


def training_runs() -> Iterator[str]:
    """Lines of a file: the larger the gang, the lower its use."""
    yield "platform,accelerator,accelerators,minutes_to_train,mfu_of_bf16_peak\n"
    for gang in (256, 512, 1024, 2048):
        yield f"made,h100,{gang},{100_000 / gang:.2f},{0.5 * (gang / 512) ** -0.1:.4f}\n"
