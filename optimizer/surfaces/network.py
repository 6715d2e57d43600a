"""Network: the round trip between users and a site, in milliseconds, by fibre, through a satellite, or to a satellite.

A measured round trip that a user gives always wins; that is decided where a case is planned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.compiling import QUICK
from optimizer.domain.network import FibreMap
from optimizer.surfaces.arrays import Scalar
from optimizer.surfaces.fibre import FibreParameters, fibre_graph, fibre_ms, no_correction
from optimizer.surfaces.geography import EARTH_RADIUS_KM, distance_km

LIGHT_KM_PER_MS = 299.792458
FIBRE, SATELLITE_RELAY, ORBITAL = 0.0, 1.0, 2.0  # access of a site, as the kernel reads it
MEDIAN, P95 = 0.5, 0.95


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class SatelliteParameters:
    """A constellation in low orbit.

    The scheduling of a shared beam is spread as a log-normal above a floor. Its three figures are solved from public pings through Starlink
    to the nearest point of presence: 5th percentile 25 ms, median 41, 95th 89. With f the floor of the ping and m e^(s z) the rest,

        (89 - f) (25 - f) = (41 - f)^2  gives f = 17 ms,  m = 41 - f = 24 ms,  e^(1.645 s) = (89 - f) / m = 3  gives s = .668

    and 4 d / c = 10.7 ms of f is flight. The 99th percentile is then 131 ms where 153 were seen: the far tail is longer than log-normal.
    The other figures are assumptions.
    """

    altitude_km: Scalar = 550.0  # h
    elevation_deg: Scalar = 40.0  # mean elevation e of the satellite in use
    beam_floor_ms: Scalar = 6.3  # of the scheduling of a shared beam, per round trip
    beam_median_ms: Scalar = 24.0  # m, above the floor
    beam_spread: Scalar = 0.668  # s, standard deviation of the logarithm of what is above the floor
    orbit_detour: Scalar = 1.2  # path over inter-satellite links, over the great circle at that altitude
    hop_km: Scalar = 2000.0  # length of one inter-satellite link
    hop_ms: Scalar = 0.5  # switching in one satellite, one way


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class NetworkParameters:
    """Fibre and satellites."""

    fibre: FibreParameters
    satellite: SatelliteParameters = field(default_factory=SatelliteParameters)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Route:
    """Ends of a path, degrees, and the access of the far end. Arrays of one shape."""

    from_latitude: Array
    from_longitude: Array
    to_latitude: Array
    to_longitude: Array
    access: Array  # FIBRE, SATELLITE_RELAY or ORBITAL, in floating point


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class RoundTrips:
    """Milliseconds, in the shape of the route."""

    median: Array
    p95: Array  # that of the fibre's part is its median: what a shared beam varies by is far more


def uncalibrated(fibre_map: FibreMap) -> NetworkParameters:
    """Parameters of a map with the figures of the classes, not corrected by any measured round trip."""
    return NetworkParameters(fibre=FibreParameters(graph=fibre_graph(fibre_map), correction=no_correction()))


def great_circle_km(route: Route) -> Array:
    """Great circle between the ends, km."""
    return distance_km(*_ends(route))


def _ends(route: Route) -> tuple[Array, Array, Array, Array]:
    return route.from_latitude, route.from_longitude, route.to_latitude, route.to_longitude


def slant_range_km(altitude_km: Scalar, elevation_deg: Scalar) -> Scalar:
    """Distance to a satellite seen at an elevation: d(e) = sqrt((R sin e)^2 + 2 R h + h^2) - R sin e."""
    height = EARTH_RADIUS_KM * jnp.sin(jnp.deg2rad(elevation_deg))
    distance: Array = jnp.sqrt(height**2 + 2.0 * EARTH_RADIUS_KM * altitude_km + altitude_km**2) - height
    return distance


def beam_ms(parameters: SatelliteParameters, share: float) -> Scalar:
    """Scheduling of a shared beam that a share of the round trips stay below: floor + m exp(s z), z the normal quantile."""
    return parameters.beam_floor_ms + parameters.beam_median_ms * jnp.exp(parameters.beam_spread * NormalDist().inv_cdf(share))


def round_trip(parameters: NetworkParameters, route: Route, share: float = MEDIAN) -> Array:
    """Round trip that a share of the round trips stay below, by the site's access.

        fibre:           the graph of cable routes (see `fibre`)
        satellite relay: 4 d / c + beam + fibre: one bent pipe, and cable for the rest of the way
        orbital:         2 d / c + beam + 2 s D (R+h)/R / c + 2 hops of switching: users reach the satellite overhead, and it the site

    Args:
      share: of the round trips; only the beam's part varies with it.

    Returns:
      Milliseconds, in the shape of the route.
    """
    satellite = parameters.satellite
    fibre = fibre_ms(parameters.fibre, *_ends(route))
    slant = slant_range_km(satellite.altitude_km, satellite.elevation_deg)
    beam = beam_ms(satellite, share)
    relay = 4.0 * slant / LIGHT_KM_PER_MS + beam + fibre
    path = satellite.orbit_detour * great_circle_km(route) * (EARTH_RADIUS_KM + satellite.altitude_km) / EARTH_RADIUS_KM
    hops = path / satellite.hop_km
    orbital = 2.0 * slant / LIGHT_KM_PER_MS + beam + 2.0 * path / LIGHT_KM_PER_MS + 2.0 * hops * satellite.hop_ms
    return jnp.where(route.access == FIBRE, fibre, jnp.where(route.access == SATELLITE_RELAY, relay, orbital))


def round_trips(parameters: NetworkParameters, route: Route) -> RoundTrips:
    """Median and 95th percentile of every route."""
    return RoundTrips(median=round_trip(parameters, route, MEDIAN), p95=round_trip(parameters, route, P95))


round_trips_ms = jax.jit(round_trips, compiler_options=QUICK)
