"""Work that a lost site leaves without capacity finds another place, and all else stays: the plan of `tests.planning.cases`."""

from __future__ import annotations

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.planning.assemble import build_problem
from optimizer.planning.audit.losses import without_site
from optimizer.planning.variants import base_of, look_at_variant
from optimizer.solve.carry import carried_decisions
from optimizer.solve.start import elsewhere
from tests.planning.cases import BERGEN, CHAT, DRAFT, LAB, LIMA, OSLO, two_suppliers
from tests.planning.test_audit_tables import result_of

BERGEN_AT_ONCE, LIMA_IN_MARCH = 0, 2  # training options


def after(site: str | None) -> tuple[Decisions, Decisions | None]:
    """The plan's decisions in the case without a site, and those with what is stranded elsewhere."""
    setup = two_suppliers()
    case = setup.case if site is None else without_site(setup.case, site)
    problem = build_problem(case, setup.needs, annual_discount_rate=0.0)
    kept = carried_decisions(problem, setup.plan.contracts, setup.plan.decisions)
    return kept, elsewhere(problem, kept)


def test_nothing_moves_where_nothing_is_lost() -> None:
    assert after(None)[1] is None


def test_a_load_moves_and_the_others_stay() -> None:
    kept, moved = after("lima")
    assert moved is not None
    assert (kept.placed[DRAFT] == LIMA).all()
    assert (moved.placed[DRAFT] == OSLO).all()
    np.testing.assert_array_equal(moved.placed[[CHAT, LAB]], kept.placed[[CHAT, LAB]])
    np.testing.assert_array_equal(moved.option, [BERGEN_AT_ONCE])


def test_a_load_without_another_place_is_not_placed() -> None:
    _, moved = after("oslo")
    assert moved is not None
    assert (moved.placed[[CHAT, LAB]] == -1).all()
    assert (moved.placed[DRAFT] == LIMA).all()


def test_a_run_takes_another_option() -> None:
    _, moved = after("bergen")
    assert moved is not None
    np.testing.assert_array_equal(moved.option, [LIMA_IN_MARCH])
    assert BERGEN not in moved.placed


def test_a_look_at_the_loss_of_a_site_costs_less_than_what_is_short_there() -> None:
    """Four accelerators of draft short for a quarter of a year, at 20 USD an hour, would add 174,720 USD."""
    setup = two_suppliers()
    base = base_of(result_of(setup))
    looked = look_at_variant(base, case=without_site(setup.case, "lima"))
    assert looked.objective_usd < base.objective_usd + 4 * 2184 * 20.0 / 4
