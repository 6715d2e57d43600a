"""Calibration of the serving model: fitted to measured runs, predicting new ones with an interval, taking further runs in.

    ln T(x) = ln f(x; theta + offsets of x's groups) + r(x),      T = TPOT, TTFT

f are the equations of `serving`; theta and the offsets are a maximum a posteriori fit with a Huber loss (`serving_fit`). r frees the
offsets of x's pair and deployment once more, to first order, and adds a smooth surface (`serving_residuals`). A calibration holds
weights and a coarse map of where was measured, and no measured run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.comparison import Comparison
from optimizer.domain.measured_serving import MeasuredServing
from optimizer.domain.surface import Floats, Ints
from optimizer.surfaces.serving_basis import cell_of
from optimizer.surfaces.serving_fit import (
    OFFSET_SD,
    ROWS,
    filled,
    filled_view,
    fit_parameters,
    fit_scales,
)
from optimizer.surfaces.serving_groups import CONFIGURATION, DEPLOYMENT, PAIR, Groups, groups_of, serving_runs
from optimizer.surfaces.serving_residuals import (
    RESIDUAL_LEVELS,
    SLOPES,
    Scales,
    View,
    conditioned,
    gathered,
    group_weights,
    posterior_covariance,
    seen_through_cells,
    solved_for,
    view_columns,
)
from optimizer.surfaces.serving_tangents import linearised

QUANTITIES = ("tpot", "ttft", "throughput")
REGIMES = ("known", "anchored", "new_pair", "new_part")  # how well a run's kind is known, see `regimes`
CELLS = 128  # multiple to which cells are filled up, so that updates share compiled code
ANCHOR_ROWS = 16  # likewise, of anchors


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """What is known about the residuals of one time."""

    scales: Scales
    pairs: Floats  # [pairs, WIDTH] weights
    deployments: Floats  # [deployments, WIDTH]
    cell_slopes: Floats  # [C, SLOPES]
    cell_noise: Floats  # [C] variance

    @property
    def tables(self) -> tuple[Floats, Floats]:
        return self.pairs, self.deployments


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Errors on runs that a fit did not see: of one quantity in one regime."""

    rows: int
    median_ape: float  # %
    p90_ape: float  # %
    factor: float  # predicted standard deviations either side that hold 90 % of the runs


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A fitted serving model."""

    groups: Groups  # names by level, configurations left out
    rows: Mapping[str, int]  # measured runs by deployment
    theta: Floats  # [P] logs, in the order of `PARAMETER_NAMES`
    offsets: tuple[Floats, ...]  # [groups, P] logs, at each level of `OFFSET_SD`
    cell_place: Floats  # [C, 5]
    cell_groups: Ints  # [C, 7]
    tpot: Residuals
    ttft: Residuals
    fit: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # median and 90th percentile of the fit's own errors, %
    held_out: Mapping[str, Mapping[str, HeldOut]] = field(default_factory=dict)  # by regime and quantity

    @property
    def residuals(self) -> tuple[Residuals, Residuals]:
        return self.tpot, self.ttft

    def cells(self, which: int) -> tuple[View, Array]:
        """Where was measured, as the residuals of TPOT (0) or TTFT (1) see it, and the noise there; filled up to `CELLS`."""
        part = self.residuals[which]
        rows = -(-len(part.cell_noise) // CELLS) * CELLS
        columns = view_columns(jnp.asarray(filled(part.cell_slopes, rows)), jnp.asarray(filled(self.cell_place, rows)))
        at = slice(len(part.cell_noise))
        view = View(columns=columns[at], place=jnp.asarray(self.cell_place), groups=jnp.asarray(self.cell_groups))
        whole, noise, barred = filled_view(view, part.cell_noise, CELLS)
        return whole, noise + barred


def fitted(measured: MeasuredServing, *, scales: Sequence[Scales] | None = None, seed: int = 0) -> Calibration:
    """The calibration to measured runs, without held-out errors: `calibrate` adds these.

    Args:
      measured: at least one run.
      scales:   of the residuals of TPOT and TTFT; None: fitted too.
    """
    with jax.enable_x64(True):
        groups = groups_of(measured.setups)
        runs = serving_runs(measured.setups, groups, measured.accelerators, measured.models)
        logs = np.log(np.stack([measured.tpot_s, measured.ttft_s], axis=1))
        theta, tables = fit_parameters(runs, logs, [len(groups[level]) for level in range(len(OFFSET_SD))])
        bases, views = linearised(theta, tables, runs, ROWS)
        cell, counts, configurations = _cells(views[0])
        residuals = []
        for which in (0, 1):
            left = logs[:, which] - bases[which]
            chosen = fit_scales(views[which], left, seed=seed) if scales is None else scales[which]
            residuals.append(_residuals(chosen, views[which], left, groups, cell, counts, configurations))
        calibration = Calibration(
            groups=_kept(groups),
            rows=Counter(groups[DEPLOYMENT][code] for code in np.asarray(runs.groups)[:, DEPLOYMENT]),
            theta=theta,
            offsets=tables,
            cell_place=cell[0],
            cell_groups=cell[1],
            tpot=residuals[0],
            ttft=residuals[1],
        )
        return replace(calibration, fit=_fit_errors(means(calibration, bases, views), measured))


def updated(calibration: Calibration, anchors: MeasuredServing) -> Calibration:
    """The calibration with further measured runs taken in: nothing is fitted again.

    The weights move to their posterior mean given the anchors, through the covariance that the cells leave.
    """
    if not len(anchors):
        return calibration
    with jax.enable_x64(True):
        groups = groups_of(anchors.setups, calibration.groups)
        calibration = replace(calibration, groups=_kept(groups), offsets=_for_all(calibration.offsets, groups))
        runs = serving_runs(anchors.setups, groups, anchors.accelerators, anchors.models)
        bases, views = linearised(calibration.theta, calibration.offsets, runs, ANCHOR_ROWS)
        cell, counts, configurations = _cells(views[0])
        logs = np.log(np.stack([anchors.tpot_s, anchors.ttft_s], axis=1))
        centre = means(calibration, bases, views)
        residuals = [
            _moved(calibration, which, views[which], logs[:, which] - centre[which], groups, (cell, counts, configurations))
            for which in (0, 1)
        ]
        more = Counter(groups[DEPLOYMENT][code] for code in np.asarray(runs.groups)[:, DEPLOYMENT])
        return replace(
            calibration,
            rows=Counter(calibration.rows) + more,
            cell_place=np.concatenate([calibration.cell_place, cell[0]]),
            cell_groups=np.concatenate([calibration.cell_groups, cell[1]]),
            tpot=residuals[0],
            ttft=residuals[1],
        )


def _for_all(offsets: Sequence[Floats], groups: Groups) -> tuple[Floats, ...]:
    """Offsets with rows of 0, the prior's mean, for groups that no run had before."""
    return tuple(np.pad(table, ((0, len(names) - len(table)), (0, 0))) for table, names in zip(offsets, groups, strict=False))


def _residuals(
    scales: Scales, view: View, left: Floats, groups: Groups, cell: tuple[Floats, Ints, Ints], counts: Floats, configurations: Floats
) -> Residuals:
    whole, residual, barred = filled_view(view, left, ROWS)
    solved, _ = conditioned(scales, whole, residual, barred)
    pairs, deployments = group_weights(scales, whole, solved, (len(groups[PAIR]), len(groups[DEPLOYMENT])))
    return Residuals(
        scales=scales,
        pairs=pairs,
        deployments=deployments,
        cell_slopes=_cell_means(np.asarray(view.columns)[:, :SLOPES], cell[2], len(cell[0])),
        cell_noise=_cell_noise(scales, counts, configurations),
    )


def _moved(
    calibration: Calibration, which: int, view: View, left: Floats, groups: Groups, cells: tuple[tuple[Floats, Ints, Ints], Floats, Floats]
) -> Residuals:
    """Residuals with anchors of residual `left` taken in."""
    old = calibration.residuals[which]
    known, noise = calibration.cells(which)
    whole, residual, barred = filled_view(view, left, ANCHOR_ROWS)
    signal = posterior_covariance(old.scales, known, noise, whole, whole) + jnp.diag(barred)
    solved, _ = solved_for(old.scales, whole, signal, residual)
    explained = seen_through_cells(old.scales, known, noise, whole, solved)
    counts = (len(groups[PAIR]), len(groups[DEPLOYMENT]))
    gained = group_weights(old.scales, whole, solved, counts)
    lost = group_weights(old.scales, known, explained, counts)
    grown = [np.concatenate([t, np.zeros((n - len(t), t.shape[1]))]) for n, t in zip(counts, old.tables, strict=True)]
    (_, _, where), rows, configurations = cells
    return Residuals(
        scales=old.scales,
        pairs=grown[0] + gained[0] - lost[0],
        deployments=grown[1] + gained[1] - lost[1],
        cell_slopes=np.concatenate([old.cell_slopes, _cell_means(np.asarray(view.columns)[:, :SLOPES], where, len(rows))]),
        cell_noise=np.concatenate([old.cell_noise, _cell_noise(old.scales, rows, configurations)]),
    )


def _cells(view: View) -> tuple[tuple[Floats, Ints, Ints], Floats, Floats]:
    """Cells with their place [C, 5], groups [C, 7] and the cell of each run [N]; their runs [C]; their configurations [C]."""
    place, groups = cell_of(tuple(np.asarray(view.place).T)), np.asarray(view.groups)
    keys = np.column_stack([groups[:, :CONFIGURATION], place])
    unique, where = np.unique(keys, axis=0, return_inverse=True)
    where = where.reshape(-1)
    codes_ = np.column_stack([unique[:, :CONFIGURATION].astype(np.int64), np.full(len(unique), -1)])
    configurations = np.array([len(set(groups[where == c, CONFIGURATION])) for c in range(len(unique))], dtype=np.float64)
    return (unique[:, CONFIGURATION:], codes_, where), np.bincount(where).astype(np.float64), configurations


def _cell_means(values: Floats, where: Ints, count: int) -> Floats:
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, where, values)
    return np.asarray(sums / np.bincount(where, minlength=count)[:, None])


def _cell_noise(scales: Scales, counts: Floats, configurations: Floats) -> Floats:
    """Variance of the mean of a cell's runs, [C]."""
    shared = np.exp(2.0 * float(scales["configuration"])) + np.exp(2.0 * float(scales["drift"]))
    return np.asarray(shared / configurations + np.exp(2.0 * float(scales["noise"])) / counts)


def _kept(groups: Groups) -> Groups:
    """Names without those of configurations, which nothing refers to once the fit is done."""
    return (*groups[:CONFIGURATION], ())


def means(calibration: Calibration, bases: tuple[Floats, Floats], views: tuple[View, View]) -> tuple[Floats, Floats]:
    """ln TPOT and ln TTFT, [N] each."""
    tpot, ttft = (
        base + np.sum(np.asarray(view.columns) * gathered(part.tables, RESIDUAL_LEVELS, np.asarray(view.groups)), axis=1)
        for base, view, part in zip(bases, views, calibration.residuals, strict=True)
    )
    return tpot, ttft


def _fit_errors(logs: tuple[Floats, Floats], measured: MeasuredServing) -> dict[str, tuple[float, float]]:
    """Median and 90th percentile of the absolute errors of fitted runs, %."""
    fit, truth = columns_of(replace(measured, tpot_s=np.exp(logs[0]), ttft_s=np.exp(logs[1]))), columns_of(measured)
    found = [Comparison(measured=truth[:, i], predicted=fit[:, i]) for i in range(len(QUANTITIES))]
    return {name: (each.median_ape, each.p90_ape) for name, each in zip(QUANTITIES, found, strict=True)}


def columns_of(measured: MeasuredServing) -> Floats:
    """TPOT, TTFT, throughput, [N, 3], in the order of `QUANTITIES`."""
    return np.stack([measured.tpot_s, measured.ttft_s, measured.tokens_per_s], axis=1)
