"""Columns of contracts with volume tiers or a most favoured price: how much is billed in each band, and which bands are reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.volume import Bands, bands
from optimizer.integer.columns import Bools, Columns

STEPS = 2.0**13  # of the most that a contract can bill in an interval: what makes a band too small to tell is below a solver's tolerance


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Where each band begins and ends, in steps, each [X, W, S, Z]; the last ends at the most that can be billed."""

    start: Floats
    stop: Floats


@dataclass(frozen=True, kw_only=True)
class VolumeColumns:
    """Columns of contracts with bands. Axes: X such contracts, Z bands of their volume; volumes in steps of `step` units."""

    bands: Bands
    step: Floats  # [X, W, S] units
    volume: Ints  # v in each band [X, W, S, Z]
    chosen: Ints  # b, 1 where the band is reached [X, W, S, Z]
    beyond: Ints  # drawn beyond the commitment, where a part of the capacity is committed [X, W, S]
    is_beyond: Ints  # 1 where anything is [X, W, S]

    @property
    def cash(self) -> Floats:
        """USD that a step in each band adds to the bill, [X, W, S, Z]."""
        return np.asarray(self.bands.rate * self.step[..., None])


def volume_columns(problem: PlanningProblem, columns: Columns) -> VolumeColumns:
    """v, b, and for contracts of which a part is paid for anyway what is billed beyond it and whether anything is."""
    found = bands(problem)
    step = np.where(found.most > 0, found.most / STEPS, 1.0)
    start = found.start[:, :, None, :] / step[..., None]
    exists = (start < STEPS) & (found.most > 0)[..., None]
    stop = band_widths(found, step).stop
    incremental, favoured = found.incremental[:, None, None, None], found.favoured[:, None, None, None]
    length = np.where(exists, np.where(incremental, stop - start, np.where(favoured, STEPS, stop)), 0.0)
    share = problem.supply.take_or_pay_share[found.contract]
    partly = ((share > 0) & (share < 1))[:, None, None] & (found.most > 0)
    return VolumeColumns(
        bands=found,
        step=step,
        volume=columns.take(exists & (length > 0), upper=length),
        chosen=columns.take(exists & _chosen(found), integer=True),
        beyond=columns.take(partly, upper=np.full(partly.shape, STEPS)),
        is_beyond=columns.take(partly, integer=True),
    )


def _chosen(found: Bands) -> Bools:
    """Bands that have a binary, [X, 1, 1, Z]: of all-units tiers each, of incremental ones all but the first, of other contracts none."""
    first = np.arange(found.start.shape[2]) == 0
    return np.asarray(~(found.incremental[:, None, None, None] & first) & ~found.favoured[:, None, None, None])


def band_widths(found: Bands, step: Floats) -> Widths:
    start = found.start[:, :, None, :] / step[..., None]
    following = np.concatenate([start[..., 1:], np.full((*start.shape[:3], 1), np.inf)], axis=3)
    return Widths(start=start, stop=np.minimum(following, STEPS))
