"""A smooth surface over the place of a run: a finite basis whose weights a calibration holds.

A place is (ln concurrency, ln prompt, ln output, ln parallelism, experts spread or not). The surface is a constant, a function of
each coordinate and a function of each two of them; in one coordinate a function is a sum of bumps at fixed centres, made orthonormal:

    psi(z) = K^(-1/2) k(z, centres),  k(z, c) = exp(-(z - c)^2 / (2 l^2)),  K = k(centres, centres)

so that independent weights of variance s^2 give a function of standard deviation s. Far from all centres it is 0: nothing is extrapolated.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.surface import Floats


@dataclass(frozen=True, kw_only=True)
class Bumps:
    """Bumps in one coordinate: `count` centres, `step` apart, from `first` on; their length is the step."""

    first: float
    step: float
    count: int

    @property
    def centres(self) -> Floats:
        return self.first + self.step * np.arange(self.count, dtype=np.float64)

    def whitening(self) -> Floats:
        """K^(-1/2), [count, count]."""
        apart = (self.centres[:, None] - self.centres[None, :]) / self.step
        values, vectors = np.linalg.eigh(np.exp(-0.5 * apart**2))
        return np.asarray((vectors / np.sqrt(values)) @ vectors.T)

    def __call__(self, coordinate: Array) -> Array:
        """[..., count] of a coordinate [...]."""
        ones = (1,) * jnp.ndim(coordinate)
        centres = jnp.asarray(self.centres, coordinate.dtype).reshape(*ones, -1)
        bumps = jnp.exp(-0.5 * jnp.square((coordinate[..., None] - centres) / self.step))
        whitening = jnp.asarray(self.whitening(), coordinate.dtype).reshape(*ones, self.count, self.count)
        return jnp.sum(bumps[..., :, None] * whitening, axis=-2)


COORDINATES = ("concurrency", "prompt", "output", "parallel", "experts_spread")
FINE = (  # for functions of one coordinate
    Bumps(first=0.0, step=0.8, count=9),
    Bumps(first=4.6, step=0.7, count=9),
    Bumps(first=4.2, step=0.7, count=9),
    Bumps(first=0.0, step=0.7, count=4),
    Bumps(first=0.0, step=1.0, count=2),
)
COARSE = (  # for functions of two
    Bumps(first=0.0, step=1.6, count=5),
    Bumps(first=4.6, step=1.5, count=4),
    Bumps(first=4.5, step=1.5, count=4),
    Bumps(first=0.0, step=1.2, count=3),
    Bumps(first=0.0, step=1.0, count=2),
)
TWO = tuple(itertools.combinations(range(len(COORDINATES)), 2))
# How many weights share one standard deviation: the constant, each coordinate, each two coordinates.
BLOCKS = (1, *(bumps.count for bumps in FINE), *(COARSE[i].count * COARSE[j].count for i, j in TWO))
SIZE = sum(BLOCKS)  # weights of a surface


def place_of(concurrency: Array, prompt: Array, output: Array, parallel: Array, expert_parallel: Array) -> tuple[Array, ...]:
    """Coordinates of runs, each in its own shape."""
    spread = jnp.where(expert_parallel > 1.0, jnp.ones_like(expert_parallel), jnp.zeros_like(expert_parallel))
    return jnp.log(concurrency), jnp.log(prompt), jnp.log(output), jnp.log(parallel), spread


def features(place: tuple[Array, ...]) -> Array:
    """[N, SIZE] of coordinates [N] each."""
    coarse = [bumps(coordinate) for bumps, coordinate in zip(COARSE, place, strict=True)]
    two = [(coarse[i][:, :, None] * coarse[j][:, None, :]).reshape(len(place[0]), -1) for i, j in TWO]
    one = [bumps(coordinate) for bumps, coordinate in zip(FINE, place, strict=True)]
    return jnp.concatenate([jnp.ones_like(place[0])[:, None], *one, *two], axis=1)


def surface(weights: Array, place: tuple[Array, ...]) -> Array:
    """The surface at places, without their features ever standing side by side.

    Args:
      weights: [..., SIZE], broadcasts against the coordinates.
      place:   coordinates that broadcast against each other: one that varies along one axis costs that axis alone.
    """
    ends = np.cumsum(BLOCKS)
    blocks = [weights[..., end - size : end] for size, end in zip(BLOCKS, ends, strict=True)]
    total = blocks[0][..., 0]
    for block, bumps, coordinate in zip(blocks[1:], FINE, place, strict=False):
        total = total + jnp.sum(block * bumps(coordinate), axis=-1)
    coarse = [bumps(coordinate) for bumps, coordinate in zip(COARSE, place, strict=True)]
    for block, (i, j) in zip(blocks[1 + len(FINE) :], TWO, strict=True):
        table = block.reshape(*block.shape[:-1], COARSE[i].count, COARSE[j].count)
        total = total + jnp.sum(table * coarse[i][..., :, None] * coarse[j][..., None, :], axis=(-2, -1))
    return total


def repeated(by_block: Array) -> Array:
    """[..., SIZE] of values by block, [..., len(BLOCKS)]."""
    return jnp.repeat(by_block, np.asarray(BLOCKS), axis=-1, total_repeat_length=SIZE)


CELL = (1.4, 1.4, 1.4, math.log(2.0), 1.0)  # steps of the grid on which a calibration remembers where it has measured


def cell_of(place: tuple[Floats, ...]) -> Floats:
    """Nearest points of the coarse grid, [N, 5]."""
    return np.stack([np.rint(coordinate / step) * step for coordinate, step in zip(place, CELL, strict=True)], axis=1)
