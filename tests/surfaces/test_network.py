"""Round trips by fibre, through a satellite, and to a satellite."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.surfaces.network import (
    FIBRE,
    ORBITAL,
    P95,
    SATELLITE_RELAY,
    NetworkParameters,
    Route,
    SatelliteParameters,
    beam_ms,
    great_circle_km,
    round_trip,
    round_trips_ms,
    slant_range_km,
    uncalibrated,
)
from optimizer.tables.fibre_map import shipped_fibre_map
from tests.surfaces.differences import check_gradient
from tests.tolerances import DISTANCE, FLOAT32_AGAINST_FLOAT64, KERNEL_AGAINST_LOOP, PUBLIC_PINGS, SHORT_TRIP_MS

PARIS, LONDON, SYDNEY, NEW_YORK = (48.8566, 2.3522), (51.5074, -0.1278), (-33.8688, 151.2093), (40.7128, -74.0060)
NETWORK = uncalibrated(shipped_fibre_map())


def route(start: tuple[float, float], end: tuple[float, float], access: float = FIBRE, dtype: str = "float64") -> Route:
    values = [jnp.asarray(value, dtype) for value in (*start, *end, access)]
    return Route(from_latitude=values[0], from_longitude=values[1], to_latitude=values[2], to_longitude=values[3], access=values[4])


@pytest.mark.parametrize(("end", "km"), [(LONDON, 343.6), (NEW_YORK, 5837.0), (SYDNEY, 16_960.0)])
def test_distances_from_paris(end: tuple[float, float], km: float) -> None:
    assert float(great_circle_km(route(PARIS, end))) == pytest.approx(km, rel=DISTANCE)
    assert float(great_circle_km(route(end, PARIS))) == pytest.approx(km, rel=DISTANCE)


def test_date_line_and_antipodes() -> None:
    assert float(great_circle_km(route((0.0, 179.5), (0.0, -179.5)))) == pytest.approx(6371 * np.pi / 180, rel=KERNEL_AGAINST_LOOP)
    assert float(great_circle_km(route((0.0, 0.0), (0.0, 180.0)))) == pytest.approx(6371 * np.pi, rel=1e-6)


def test_slant_range() -> None:
    assert float(slant_range_km(550.0, 90.0)) == pytest.approx(550.0, rel=KERNEL_AGAINST_LOOP)
    assert float(slant_range_km(550.0, 0.0)) == pytest.approx(np.sqrt(2 * 6371 * 550 + 550**2), rel=KERNEL_AGAINST_LOOP)


@pytest.mark.parametrize(("share", "ms"), [(0.05, 25.0), (0.5, 41.0), (0.95, 89.0)])
def test_pings_through_a_satellite_are_those_that_were_published(share: float, ms: float) -> None:
    satellite = SatelliteParameters()
    flight = 4 * float(slant_range_km(satellite.altitude_km, satellite.elevation_deg)) / 299.792458
    assert flight + float(beam_ms(satellite, share)) == pytest.approx(ms, rel=PUBLIC_PINGS)


def test_round_trips_by_access() -> None:
    km = float(great_circle_km(route(PARIS, NEW_YORK)))
    slant = float(slant_range_km(550.0, 40.0))
    path = 1.2 * km * (6371 + 550) / 6371
    trips = {access: round_trips_ms(NETWORK, route(PARIS, NEW_YORK, access)) for access in (FIBRE, SATELLITE_RELAY, ORBITAL)}
    fibre = float(trips[FIBRE].median)
    assert 65 < fibre < 95
    for median, more in (("median", 0.0), ("p95", 1.6448536269514722)):
        beam = 6.3 + 24.0 * np.exp(0.668 * more)
        relay, orbital = (float(getattr(trips[access], median)) for access in (SATELLITE_RELAY, ORBITAL))
        assert relay == pytest.approx(fibre + beam + 4 * slant / 299.792458, rel=KERNEL_AGAINST_LOOP)
        assert orbital == pytest.approx(beam + 2 * slant / 299.792458 + 2 * path / 299.792458 + path / 2000.0, rel=KERNEL_AGAINST_LOOP)
    assert float(trips[FIBRE].p95) == fibre


@pytest.mark.slow
def test_gradient_against_differences() -> None:
    # away from exchanges: at one, the way to it has a corner
    for access in (FIBRE, SATELLITE_RELAY, ORBITAL):

        @jax.jit
        def trip(x: jax.Array, access: float = access) -> jax.Array:
            ends = Route(from_latitude=x[0], from_longitude=x[1], to_latitude=x[2], to_longitude=x[3], access=jnp.asarray(access))
            satellite = SatelliteParameters(altitude_km=x[4], elevation_deg=x[5])
            return round_trip(NetworkParameters(fibre=NETWORK.fibre, satellite=satellite), ends, P95)

        check_gradient(trip, np.array([48.1, 1.2, 40.0, -75.1, 550.0, 40.0]))


trip_slopes = jax.jit(jax.grad(round_trip, argnums=(0, 1)))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    start=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    end=st.one_of(st.none(), st.just("antipode"), st.tuples(st.floats(-90, 90), st.floats(-180, 180))),
    access=st.sampled_from([FIBRE, SATELLITE_RELAY, ORBITAL]),
)
def test_finite_everywhere(start: tuple[float, float], end: tuple[float, float] | str | None, access: float) -> None:
    if end is None:
        far = start
    elif isinstance(end, str):
        far = (-start[0], start[1] + 180.0)
    else:
        far = end
    double = round_trips_ms(NETWORK, route(start, far, access)).p95
    single = round_trips_ms(NETWORK, route(start, far, access, "float32")).p95
    # single precision rounds distances on the ground, and the way to an exchange far off counts up to 13 times
    assert float(single) == pytest.approx(float(double), rel=FLOAT32_AGAINST_FLOAT64, abs=SHORT_TRIP_MS)
    for dtype in ("float32", "float64"):
        assert all(np.isfinite(leaf) for leaf in map(np.sum, jax.tree.leaves(trip_slopes(NETWORK, route(start, far, access, dtype)))))
