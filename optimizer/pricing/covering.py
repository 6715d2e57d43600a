"""Choices of lots that hold together what all loads need at least: a dynamic programme over what the cheapest choices lack.

Axes: P pools, Z choices of lots. `value` [Z, P] is what each choice costs alone, less what its loads are worth, in USD.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.knapsack import Knapsacks, Packed

COVERED = 4096  # grains at most that a covering problem is in


def choose(packs: Knapsacks, value: Floats) -> tuple[Ints, bool]:
    """The choices of lots of least value that hold what is required, [P], and whether none do; then the largest."""
    pools, choice = np.arange(value.shape[1]), value.argmin(axis=0)
    lacking = packs.required - int(packs.capacity[choice, pools].sum())
    if lacking <= 0:
        return choice, False
    capacity = np.where(np.isfinite(value), packs.capacity, 0)
    if capacity.max(axis=0).sum() < packs.required:
        return capacity.argmax(axis=0), True
    grain = 1 + lacking // COVERED
    lacking = -(-lacking // grain)
    upgrades = _upgrades(packs, value, grain)
    tables = _covering(upgrades, lacking)
    for i, (p, options) in reversed(list(enumerate(upgrades))):
        before = tables[i]
        if before[lacking] > tables[i + 1, lacking]:
            z, more, _ = min(options, key=lambda each: before[max(0, lacking - each[1])] + each[2])
            choice[p], lacking = z, max(0, lacking - more)
    return choice, False


Upgrade = tuple[int, int, float]  # a choice of lots, and what it has more than the best alone: grains of accelerators, and USD


def _upgrades(packs: Knapsacks, value: Floats, grain: int) -> list[tuple[int, list[Upgrade]]]:
    """Of pools that have any. What is more is rounded up to whole grains, which leaves all choices that hold enough."""
    best, pools = value.argmin(axis=0), np.arange(value.shape[1])
    more, usd = packs.capacity - packs.capacity[best, pools], value - value[best, pools]
    pool, z = np.nonzero(((more > 0) & np.isfinite(usd)).T)
    options: dict[int, list[Upgrade]] = defaultdict(list)
    grains = -(-more[z, pool] // grain)
    for p, each in zip(pool.tolist(), zip(z.tolist(), grains.tolist(), usd[z, pool].tolist(), strict=True), strict=True):
        options[p].append(each)
    return list(options.items())


def _covering(upgrades: list[tuple[int, list[Upgrade]]], lacking: int) -> Floats:
    """Least USD of so many grains more, or beyond, with the upgrades of the first pools, [pools + 1, lacking + 1]."""
    before = max((more for _, options in upgrades for _, more, _ in options), default=0)  # columns that stand for none lacking
    tables = np.zeros((len(upgrades) + 1, before + lacking + 1))
    tables[0, before + 1 :] = np.inf
    for i, (_, options) in enumerate(upgrades):
        last, better = tables[i], tables[i + 1, before:]
        better[:] = last[before:]
        for _, more, usd in options:
            np.minimum(better, last[before - more : len(last) - more] + usd, out=better)
    return np.asarray(tables[:, before:])


def choice_costs(packs: Knapsacks, packed: Packed) -> Floats:
    """By how much the bound rises with a choice of lots made, [Z, P], in USD: what that costs more than the best of all pools together."""
    value, pools = packed.value, np.arange(packed.value.shape[1])
    held, alone = packs.capacity[value.argmin(axis=0), pools], value.min(axis=0)
    lacking = packs.required - int(held.sum())
    spent = math.fsum((value[packed.choice, pools] - alone).tolist())
    dearer = np.subtract(value, alone + spent, out=np.full_like(value, np.inf), where=np.isfinite(value))
    grain = 1 + max(lacking + int(packs.capacity.max()), 0) // COVERED
    upgrades = _upgrades(packs, value, grain)
    for p in pools:
        without = lacking + int(held[p])
        if without <= 0 or np.isfinite(value[:, p]).sum() < 2:
            continue
        rest = -(-np.maximum(without - packs.capacity[:, p], 0) // grain)
        table = _covering([(other, options) for other, options in upgrades if other != p], int(rest.max()))[-1]
        dearer[:, p] += table[rest]
    return np.asarray(np.clip(dearer, 0.0, packs.short_usd - packed.bound_usd))
