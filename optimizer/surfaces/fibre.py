"""Round trips over fibre: the shortest path through a graph of exchanges along real cable routes, and what it takes.

Axes: H exchanges, R regions whose measured round trips correct the form, ... any shape of routes.

A length here is a path's kilometres as laid: the line between two hubs times a factor for the kind of link. The factors are round figures
for how much longer fibre is than the line (land 1.2, coastal 1.1, ocean 1); a regional link counts four times its length, so that
only traffic of its own coast takes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.network import FibreMap, Hub, LinkKind
from optimizer.domain.surface import Floats
from optimizer.surfaces.arrays import Scalar
from optimizer.surfaces.geography import EARTH_RADIUS_KM, distance_km, distances_km

FIBRE_KM_PER_MS = 204.2  # light in fibre
LINK_FACTORS = {LinkKind.LAND: 1.2, LinkKind.OCEAN: 1.0, LinkKind.COASTAL: 1.1, LinkKind.REGIONAL: 4.0}
ACCESS_FACTOR = LINK_FACTORS[LinkKind.LAND]
NEAREST = 4  # exchanges at which a place may enter the graph
ACCESS_REACH_KM = 100.0  # beyond its nearest exchange a place reaches so far at the plain factor
FAR_FACTOR = 10.0  # and pays for every further kilometre so many: no way round the cables of a neighbouring country
DIRECT_FACTOR, DIRECT_REACH_KM = 2.0, 300.0  # places that are near each other need no exchange
LOCAL_KM = 400.0  # length at which the local part of a round trip has grown to 63 %


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class FibreGraph:
    """Exchanges and the lengths of the shortest paths between them."""

    latitude: Array  # [H] degrees
    longitude: Array  # [H] degrees
    path_km: Array  # [H, H]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class FibreCorrection:
    """What measured round trips of nearby regions add to the form, in logs. No regions: nothing.

    The posterior mean of a Gaussian process over pairs of places (see `fibre_fit`), in the form that needs no list of pairs.
    """

    latitude: Array  # [R] degrees
    longitude: Array  # [R] degrees
    alone: Array  # [R] weight of a region's own term
    together: Array  # [R, R] weight of two regions' common term, symmetric
    alone_km: Scalar = 1.0  # distances over which the terms fade
    together_km: Scalar = 1.0


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class FibreParameters:
    """Delays of the form and its correction. The defaults: one fit to public round trips of one cloud, no correction."""

    graph: FibreGraph
    correction: FibreCorrection
    fixed_ms: Scalar = 0.5  # a0, equipment at both ends
    local_ms: Scalar = 8.5  # a1, detours and switching of the first few hundred kilometres
    slack: Scalar = 1.25  # f, fibre as laid over the graph's lengths


def no_correction() -> FibreCorrection:
    none = jnp.zeros(0)
    return FibreCorrection(latitude=none, longitude=none, alone=none, together=jnp.zeros((0, 0)))


def fibre_graph(fibre_map: FibreMap) -> FibreGraph:
    """The exchanges of a map with all shortest paths between them, bends passed through, by Floyd and Warshall."""
    index = {hub.name: i for i, hub in enumerate(fibre_map.hubs)}
    paths = np.full((len(index), len(index)), np.inf)
    np.fill_diagonal(paths, 0.0)
    for link in fibre_map.links:
        i, j = index[link.start], index[link.end]
        paths[i, j] = paths[j, i] = line_km(fibre_map.hubs[i], fibre_map.hubs[j]) * LINK_FACTORS[link.kind]
    for k in range(len(index)):
        np.minimum(paths, paths[:, k : k + 1] + paths[k : k + 1], out=paths)
    kept = np.array([i for i, hub in enumerate(fibre_map.hubs) if hub.exchange])
    latitude, longitude = (np.array([getattr(hub, name) for hub in fibre_map.hubs])[kept] for name in ("latitude", "longitude"))
    return FibreGraph(latitude=_array(latitude), longitude=_array(longitude), path_km=_array(paths[np.ix_(kept, kept)]))


def line_km(start: Hub, end: Hub) -> float:
    """Great circle between two hubs, in double precision whatever JAX is set to."""
    p, q = (np.deg2rad([hub.latitude, hub.longitude]) for hub in (start, end))
    a = np.sin((q[0] - p[0]) / 2) ** 2 + np.cos(p[0]) * np.cos(q[0]) * np.sin((q[1] - p[1]) / 2) ** 2
    return float(2.0 * EARTH_RADIUS_KM * np.arctan2(np.sqrt(a), np.sqrt(1.0 - a)))


def _array(values: Floats) -> Array:
    """Kept in NumPy, in double precision: a kernel converts it to the type of its rows."""
    return values  # type: ignore[return-value]


def path_km(graph: FibreGraph, latitude: Array, longitude: Array, to_latitude: Array, to_longitude: Array) -> Array:
    """Length of the shortest path between places, [...]: access, the graph, access; or the direct way where it is short.

    access = 1.2 (g + 10 max(0, g - g_nearest - 100))        at the four exchanges that are cheapest for each end, g the great circle
    direct = 2 g + 10 max(0, g - 300)
    """
    near, i = _access(graph, latitude, longitude)
    far, j = _access(graph, to_latitude, to_longitude)
    between = jnp.asarray(graph.path_km, latitude.dtype)[i[..., :, None], j[..., None, :]]
    square = between.shape
    through = jnp.broadcast_to(near[..., :, None], square) + between + jnp.broadcast_to(far[..., None, :], square)
    line = distance_km(latitude, longitude, to_latitude, to_longitude)
    direct = DIRECT_FACTOR * line + FAR_FACTOR * jnp.maximum(line - DIRECT_REACH_KM, 0.0)
    return jnp.minimum(jnp.min(through, axis=(-2, -1)), direct)


def _access(graph: FibreGraph, latitude: Array, longitude: Array) -> tuple[Array, Array]:
    """Lengths of the ways into the graph and their exchanges, [..., 4] each."""
    line = distances_km(latitude, longitude, graph.latitude, graph.longitude)
    nearest = jnp.min(line, axis=-1, keepdims=True)
    beyond = jnp.maximum(line - jnp.broadcast_to(nearest, line.shape) - ACCESS_REACH_KM, 0.0)
    cost, exchange = jax.lax.top_k(-ACCESS_FACTOR * (line + FAR_FACTOR * beyond), min(NEAREST, line.shape[-1]))
    return -cost, exchange


def form_ms(parameters: FibreParameters, length: Array) -> Array:
    """Round trip of a length without correction: a0 + a1 (1 - exp(-D/400)) + f 2 D / 204.2."""
    local = parameters.local_ms * (1.0 - jnp.exp(-length / LOCAL_KM))
    return parameters.fixed_ms + local + 2.0 * parameters.slack * length / FIBRE_KM_PER_MS


def correction(model: FibreCorrection, latitude: Array, longitude: Array, to_latitude: Array, to_longitude: Array) -> Array:
    """What is added to the log of the form, [...]:

        sum_r u_r (k1(a, r) + k1(b, r)) + sum_rs W_rs k2(a, r) k2(b, s),        k(a, r) = exp(-distance / reach)

    Args:
      model: weights u (alone) and W (together) of R regions.
      latitude, longitude, to_latitude, to_longitude: the ends a and b, degrees.
    """
    dtype = latitude.dtype
    from_a = distances_km(latitude, longitude, model.latitude, model.longitude)
    from_b = distances_km(to_latitude, to_longitude, model.latitude, model.longitude)
    alone = jnp.exp(-from_a / model.alone_km) + jnp.exp(-from_b / model.alone_km)
    a, b = jnp.exp(-from_a / model.together_km), jnp.exp(-from_b / model.together_km)
    highest = jax.lax.Precision.HIGHEST
    u, w = jnp.asarray(model.alone, dtype), jnp.asarray(model.together, dtype)
    own = jnp.einsum("...r,r->...", alone, u, precision=highest)
    return own + jnp.einsum("...r,rs,...s->...", a, w, b, precision=highest)


def fibre_ms(parameters: FibreParameters, latitude: Array, longitude: Array, to_latitude: Array, to_longitude: Array) -> Array:
    """Median round trip between places, ms, [...]: the form of the shortest path's length, times exp(correction)."""
    ends = (latitude, longitude, to_latitude, to_longitude)
    return form_ms(parameters, path_km(parameters.graph, *ends)) * jnp.exp(correction(parameters.correction, *ends))
