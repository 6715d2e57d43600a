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
    SATELLITE_RELAY,
    NetworkParameters,
    Route,
    great_circle_km,
    round_trip,
    round_trip_ms,
    slant_range_km,
)
from tests.surfaces.differences import check_gradient
from tests.tolerances import DISTANCE, FLOAT32_AGAINST_FLOAT64, KERNEL_AGAINST_LOOP

PARIS, LONDON, SYDNEY, NEW_YORK = (48.8566, 2.3522), (51.5074, -0.1278), (-33.8688, 151.2093), (40.7128, -74.0060)


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


def test_round_trips_by_access() -> None:
    km = float(great_circle_km(route(PARIS, NEW_YORK)))
    slant = float(slant_range_km(550.0, 40.0))
    fibre = 1.0 + 3.0 * km / 204.2
    path = 1.2 * km * (6371 + 550) / 6371
    orbital = 2 * slant / 299.792458 + 2 * path / 299.792458 + path / 2000.0
    expected = {FIBRE: fibre, SATELLITE_RELAY: fibre + 22.0 + 4 * slant / 299.792458, ORBITAL: orbital}
    for access, ms in expected.items():
        assert float(round_trip_ms(NetworkParameters(), route(PARIS, NEW_YORK, access))) == pytest.approx(ms, rel=KERNEL_AGAINST_LOOP)


def test_gradient_against_differences() -> None:
    for access in (FIBRE, SATELLITE_RELAY, ORBITAL):

        @jax.jit
        def trip(x: jax.Array, access: float = access) -> jax.Array:
            ends = Route(from_latitude=x[0], from_longitude=x[1], to_latitude=x[2], to_longitude=x[3], access=jnp.asarray(access))
            return round_trip(NetworkParameters(altitude_km=x[4], elevation_deg=x[5]), ends)

        check_gradient(trip, np.array([*PARIS, *NEW_YORK, 550.0, 40.0]))


trip_slopes = jax.jit(jax.grad(round_trip, argnums=(0, 1)))


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
    double = round_trip_ms(NetworkParameters(), route(start, far, access))
    single = round_trip_ms(NetworkParameters(), route(start, far, access, "float32"))
    # a hundred metres of rounding, on the ground, is what single precision adds to short and antipodal ways
    assert float(single) == pytest.approx(float(double), rel=FLOAT32_AGAINST_FLOAT64, abs=0.1)
    for dtype in ("float32", "float64"):
        assert all(np.isfinite(leaf) for leaf in jax.tree.leaves(trip_slopes(NetworkParameters(), route(start, far, access, dtype))))
