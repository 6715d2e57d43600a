"""Shortest paths over fibre, against paths that are counted by hand, and the fit of the form and its correction."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.domain.network import FibreMap, Hub, Link, LinkKind, MeasuredTrip
from optimizer.surfaces.fibre import FibreParameters, correction, fibre_graph, fibre_ms, form_ms, line_km, no_correction, path_km
from optimizer.surfaces.fibre_fit import ALONE_KM, ALONE_SPREAD, TOGETHER_KM, TOGETHER_SPREAD, FittedFibre, fit_fibre, lengths, predict
from tests.surfaces.differences import check_gradient
from tests.tolerances import FIT_RECOVERS, FLOAT32_AGAINST_FLOAT64, KERNEL_AGAINST_LOOP

# Four exchanges around a bay that a cable crosses by way of a bend; a regional link would be shorter than the way round.
HUBS = {
    "west": Hub(name="west", latitude=0.0, longitude=0.0, exchange=True),
    "north": Hub(name="north", latitude=20.0, longitude=15.0, exchange=True),
    "east": Hub(name="east", latitude=0.0, longitude=30.0, exchange=True),
    "south": Hub(name="south", latitude=-30.0, longitude=15.0, exchange=True),
    "bend": Hub(name="bend", latitude=-2.0, longitude=15.0, exchange=False),
}
LINKS = (
    ("west", "north", LinkKind.LAND),
    ("north", "east", LinkKind.LAND),
    ("west", "bend", LinkKind.OCEAN),
    ("bend", "east", LinkKind.COASTAL),
    ("west", "south", LinkKind.REGIONAL),
)


def bay(*without: str) -> FibreMap:
    return FibreMap(
        hubs=tuple(hub for name, hub in HUBS.items() if name not in without),
        links=tuple(Link(start=a, end=b, kind=kind) for a, b, kind in LINKS if a not in without and b not in without),
    )


GRAPH = fibre_graph(bay())


def km(a: str, b: str) -> float:
    return line_km(HUBS[a], HUBS[b])


def length(start: tuple[float, float], end: tuple[float, float], dtype: str = "float64") -> float:
    return float(jax.jit(path_km)(GRAPH, *(jnp.asarray(value, dtype) for value in (*start, *end))))


def place(name: str) -> tuple[float, float]:
    return HUBS[name].latitude, HUBS[name].longitude


def test_the_shortest_path_passes_the_bend() -> None:
    crossing = km("west", "bend") + 1.1 * km("bend", "east")
    assert crossing < 1.2 * (km("west", "north") + km("north", "east"))
    assert length(place("west"), place("east")) == pytest.approx(crossing, rel=KERNEL_AGAINST_LOOP)
    round_the_bay = fibre_graph(bay("bend", "south")).path_km[0, 2]
    assert round_the_bay == pytest.approx(1.2 * (km("west", "north") + km("north", "east")), rel=KERNEL_AGAINST_LOOP)


def test_regional_links_count_four_times() -> None:
    assert length(place("south"), place("west")) == pytest.approx(4.0 * km("west", "south"), rel=KERNEL_AGAINST_LOOP)


def test_places_enter_at_exchanges_and_never_at_bends() -> None:
    near_west = Hub(name="x", latitude=0.0, longitude=-3.0, exchange=True)
    expected = 1.2 * line_km(near_west, HUBS["west"]) + km("west", "bend") + 1.1 * km("bend", "east")
    assert length((0.0, -3.0), place("east")) == pytest.approx(expected, rel=KERNEL_AGAINST_LOOP)
    # who lives at the bend does not reach the cable (1.1), only the land way to an exchange
    assert length(place("bend"), place("east")) == pytest.approx(1.2 * km("bend", "east"), rel=KERNEL_AGAINST_LOOP)


def test_a_farther_exchange_is_entered_where_that_is_shorter_on_the_whole() -> None:
    start = (10.0, 8.0)  # a little nearer to north than to west
    here = Hub(name="x", latitude=start[0], longitude=start[1], exchange=True)
    to_north, to_west = line_km(here, HUBS["north"]), line_km(here, HUBS["west"])
    assert to_north < to_west < to_north + 100.0 + 400.0
    beyond = max(0.0, to_west - to_north - 100.0)
    by_west = 1.2 * (to_west + 10.0 * beyond) + km("west", "bend") + 1.1 * km("bend", "east")
    by_north = 1.2 * (to_north + km("north", "east"))
    assert length(start, place("east")) == pytest.approx(min(by_west, by_north), rel=KERNEL_AGAINST_LOOP)


def test_neighbours_need_no_exchange() -> None:
    assert length((10.0, 8.0), (10.0, 8.0)) < 1e-6
    a, b = (Hub(name="x", latitude=10.0, longitude=longitude, exchange=True) for longitude in (8.0, 9.0))
    assert length((10.0, 8.0), (10.0, 9.0)) == pytest.approx(2.0 * line_km(a, b), rel=KERNEL_AGAINST_LOOP)


def test_both_directions_are_equal_and_single_precision_is_near() -> None:
    for start, end in (((12.0, -5.0), (-8.0, 33.0)), ((-28.0, 16.0), (19.0, 14.0))):
        assert length(start, end) == pytest.approx(length(end, start), rel=KERNEL_AGAINST_LOOP)
        assert length(start, end, "float32") == pytest.approx(length(start, end), rel=FLOAT32_AGAINST_FLOAT64)


def test_the_form_at_its_ends() -> None:
    parameters = FibreParameters(graph=GRAPH, correction=no_correction(), fixed_ms=0.5, local_ms=8.0, slack=1.2)
    assert float(form_ms(parameters, jnp.asarray(0.0))) == pytest.approx(0.5, rel=KERNEL_AGAINST_LOOP)
    assert float(form_ms(parameters, jnp.asarray(20_000.0))) == pytest.approx(8.5 + 2.4 * 20_000 / 204.2, rel=KERNEL_AGAINST_LOOP)


# Fits


def made(places: np.ndarray, names: list[str], *, tail: float = 1.0, seed: int = 0, noise: float = 0.0) -> list[MeasuredTrip]:
    """Round trips of every pair by a known form, those that touch the first place `tail` times as long."""
    rng = np.random.default_rng(seed)
    trips = []
    for i in range(len(places)):
        for j in range(i):
            d = length(tuple(places[i]), tuple(places[j]))
            ms = (0.5 + 7.0 * (1 - np.exp(-d / 400)) + 2 * 1.3 * d / 204.2) * (tail if j == 0 else 1.0) * np.exp(noise * rng.normal())
            (a, b), (c, e) = places[i].tolist(), places[j].tolist()
            trips.append(
                MeasuredTrip(
                    start=names[i], end=names[j], start_latitude=a, start_longitude=b, end_latitude=c, end_longitude=e, rtt_ms=float(ms)
                )
            )
    return trips


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    return np.random.default_rng(1).uniform((-25, -10), (25, 35), (14, 2))


NAMES = [f"r{i}" for i in range(14)]


def test_a_form_is_recovered(places: np.ndarray) -> None:
    fitted = fit_fibre(lengths(GRAPH, made(places, NAMES)))
    assert fitted.slack == pytest.approx(1.3, rel=FIT_RECOVERS)
    assert fitted.local_ms == pytest.approx(7.0, rel=5 * FIT_RECOVERS)  # lengths of a few hundred km are few
    new = made(np.random.default_rng(2).uniform((-25, -10), (25, 35), (4, 2)), ["n0", "n1", "n2", "n3"])
    predicted = predict(fitted, GRAPH, new)
    measured = np.array([trip.rtt_ms for trip in new])
    np.testing.assert_allclose(predicted.ms, measured, rtol=FIT_RECOVERS)
    assert ((measured > predicted.low_ms) & (measured < predicted.high_ms)).all()


@pytest.mark.slow
def test_measurements_correct_what_is_near_and_leave_what_is_far(places: np.ndarray) -> None:
    fitted = fit_fibre(lengths(GRAPH, made(places, NAMES, tail=1.4)))
    (slow, *_, other) = places
    ends = [tuple(slow + np.array(shift)) for shift in ((0.1, 0.1), (40.0, 60.0))]
    plain = replace(fitted.parameters(GRAPH), correction=no_correction())
    gain = []
    for end in ends:
        ways = [jnp.asarray(value) for value in (*end, *other)]
        gain.append(float(fibre_ms(fitted.parameters(GRAPH), *ways) / fibre_ms(plain, *ways)))
    assert gain[0] > 1.15
    assert abs(gain[1] - 1.0) < 0.03


def test_the_kernel_of_the_correction_is_the_sum_over_pairs(places: np.ndarray) -> None:
    trips = made(places[:6], NAMES[:6], tail=1.3, noise=0.1)
    fitted = fit_fibre(lengths(GRAPH, trips))
    a, b = (3.0, 4.0), (-7.0, 21.0)
    points = [Hub(name="", latitude=p, longitude=q, exchange=True) for p, q in (a, b, *zip(fitted.latitude, fitted.longitude, strict=True))]
    total = 0.0
    for start, end, weight in zip(fitted.start, fitted.end, fitted.weight, strict=True):
        d = [[line_km(points[x], points[2 + r]) for r in (start, end)] for x in (0, 1)]
        own = sum(np.exp(-value / ALONE_KM) for row in d for value in row)
        k = np.exp(-np.array(d) / TOGETHER_KM)
        total += weight * (ALONE_SPREAD**2 * own + TOGETHER_SPREAD**2 * (k[0, 0] * k[1, 1] + k[0, 1] * k[1, 0]))
    found = correction(fitted.parameters(GRAPH).correction, *(jnp.asarray(value) for value in (*a, *b)))
    assert float(found) == pytest.approx(total, rel=1e-9)


@pytest.mark.slow
def test_slopes_of_a_corrected_round_trip(places: np.ndarray) -> None:
    parameters = fit_fibre(lengths(GRAPH, made(places, NAMES, tail=1.3))).parameters(GRAPH)
    check_gradient(jax.jit(lambda x: fibre_ms(parameters, x[0], x[1], x[2], x[3])), np.array([3.0, 4.0, -7.0, 21.0]))


def test_intervals_are_wider_where_nothing_was_measured(places: np.ndarray) -> None:
    trips = made(places, NAMES, noise=0.05)
    fitted = fit_fibre(lengths(GRAPH, trips))
    far = made(np.array([[60.0, 100.0], [-60.0, 120.0]]), ["f0", "f1"])
    near, away = (predict(fitted, GRAPH, some) for some in (trips[:1], far))
    assert np.log(near.high_ms / near.low_ms)[0] < np.log(away.high_ms / away.low_ms)[0]


def test_a_fit_goes_through_json(places: np.ndarray) -> None:
    fitted = fit_fibre(lengths(GRAPH, made(places[:5], NAMES[:5])))
    assert FittedFibre.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    with pytest.raises(TypeError):
        FittedFibre.from_dict({"slack": 1.0})
