"""Each rule broken on purpose is reported, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from optimizer.domain.contract import UNKNOWN, Exclusion, ExclusionKind, FeeStep, Status
from optimizer.domain.rules import AllowedSite, Limit, LimitKind, Pin
from tests.planning.cases import (
    BERGEN,
    BUSY,
    CHAT,
    CORE_BERGEN,
    CORE_OSLO,
    DAY,
    DRAFT,
    LAB,
    LIMA,
    MARCH,
    OD_LIMA,
    QUOTE_LIMA,
    SPOT_LIMA,
    Setup,
    changed,
    two_suppliers,
)

CORE, QUOTE, RIVAL = range(3)
Change = Callable[[Setup], Setup]


def plan_array(name: str, index: Any, value: float) -> Change:
    return lambda setup: setup.with_plan(**{name: changed(getattr(setup.plan, name), index, value)})


def decision(name: str, index: Any, value: float) -> Change:
    return lambda setup: setup.with_decisions(**{name: changed(getattr(setup.plan.decisions, name), index, value)})


def noun(table: str, name: str, **changes: Any) -> Change:
    return lambda setup: setup.with_noun(table, name, **changes)


def needs_array(name: str, index: Any, value: float) -> Change:
    return lambda setup: setup.with_needs(**{name: changed(getattr(setup.needs, name), index, value)})


def limit(kind: LimitKind, value: float, supplier: str | None = None, period: str | None = None) -> Change:
    return lambda setup: setup.with_case(limits=(Limit(kind=kind, supplier=supplier, period=period, value=value),))


def pin(subject: str, action: str, pool: str | None, period: str | None = None, expires: date | None = None) -> Change:
    row = Pin(subject=subject, action=action, pool=pool, period=period, reason="audit", owner="Ada", expires=expires)
    return lambda setup: setup.with_case(pins=(row,))


def exclusion(kind: ExclusionKind, other: str) -> Change:
    return noun("contracts", "core", exclusions=(Exclusion(kind=kind, other=other),))


def all_of(*changes: Change) -> Change:
    def apply(setup: Setup) -> Setup:
        for change in changes:
            setup = change(setup)
        return setup

    return apply


SIGN_QUOTE = decision("lots", QUOTE, 1)
IDLE_CORE = all_of(plan_array("contract_draw", slice(None), 0.0), plan_array("offer_draw", 0, 20.0), decision("option", 0, -1))
LATE_FEE = FeeStep(start=date(2028, 3, 2), fee=1.0)
NOT_ALLOWED = "when its termination terms do not allow it"

BROKEN: dict[str, tuple[Change, list[str]]] = {
    "capacity": (
        plan_array("contract_draw", (CORE_OSLO, MARCH, DAY, BUSY), 9.0),
        ["pool oslo-h100: accelerators in use exceed those drawn and declared missing by 1.5 accelerators in 2028-03"],
    ),
    "availability": (
        noun("sites", "bergen", availability=0.7),
        ["pool bergen-h100: accelerators in use exceed those drawn and declared missing by 0.5 accelerators in 2028-01"],
    ),
    "spot loss": (
        noun("offers", "spot-lima", loss_share=0.4),
        ["pool lima-h100: accelerators in use exceed those drawn and declared missing by 1 accelerators"],
    ),
    "no spot": (
        noun("workloads", "draft", spot_allowed=False),
        ["pool lima-h100: work that may not use spot exceeds the capacity that is not spot by 4 accelerators"],
    ),
    "contract capacity": (
        plan_array("contract_draw", (CORE_BERGEN, 0, 0, 0), 12.5),
        ["contract core: drawn beyond its capacity by 2.5 accelerators in 2028-01, block night, scenario calm"],
    ),
    "draw from an unsigned contract": (
        plan_array("contract_draw", (QUOTE_LIMA, 1, 0, 0), 0.25),
        ["contract quote: drawn beyond its capacity by 0.25 accelerators in 2028-02"],
    ),
    "offer limit": (
        plan_array("offer_draw", (OD_LIMA, 1, 0, 0), 5.5),
        ["offer od-lima: drawn beyond its limit by 0.5 accelerators in 2028-02, block night, scenario calm"],
    ),
    "offer valid for a part of a month": (
        noun("offers", "spot-lima", start=date(2028, 2, 20)),
        ["offer spot-lima: drawn beyond its limit by 5 accelerators in 2028-01, block night, scenario calm (and in 7 more places)"],
    ),
    "offer over": (
        noun("offers", "spot-lima", end=date(2028, 3, 1), limit=None),
        ["offer spot-lima: drawn beyond its limit by 5 accelerators in 2028-03"],
    ),
    "served beyond the work's limit": (
        all_of(plan_array("served", (LAB, 0, 0, 0), 4.5), plan_array("contract_draw", (CORE_OSLO, 0, 0, 0), 12.5)),
        ["load lab: work served beyond what it can use at once by 0.5 accelerators in 2028-01"],
    ),
    "served where not placed": (
        decision("placed", (LAB, 0), -1),
        ["load lab: work served beyond what it can use at once by 2 accelerators in 2028-01"],
    ),
    "served for a service": (
        plan_array("served", (CHAT, 0, 0, 0), 1.0),
        ["load chat@paris: work served beyond what it can use at once by 1 accelerators in 2028-01"],
    ),
    "negative draw": (
        plan_array("offer_draw", (0, 0, 0, 0), -0.5),
        [
            "draw from offer od-oslo: must be a number >= 0; below it by 0.5 accelerators in 2028-01",
            "pool oslo-h100: accelerators in use exceed",
        ],
    ),
    "draw that is not a number": (
        plan_array("shortage", (LIMA, 0, 0, 0), np.nan),
        [
            "shortage of pool lima-h100: must be a number >= 0",
            "pool lima-h100: accelerators in use exceed",
            "pool lima-h100: work that may not use spot exceeds",
        ],
    ),
    "infinite draw": (
        plan_array("shortage", (BERGEN, 0, 0, 0), np.inf),
        ["shortage of pool bergen-h100: must be a number >= 0"],
    ),
    "bandwidth": (
        needs_array("traffic_gb_per_s", (CHAT, 1), 8.0),
        ["site oslo: traffic exceeds its bandwidth by 1 GB/s in 2028-02"],
    ),
    "exit before notice": (
        all_of(noun("contracts", "core", notice_days=32.0), decision("exits", (CORE, 1), 1), IDLE_CORE),
        [f"contract core: 1 lots are left on 2028-02-01, {NOT_ALLOWED}"],
    ),
    "exit before the earliest exit": (
        all_of(noun("contracts", "core", earliest_exit=date(2028, 3, 2)), decision("exits", (CORE, 2), 1), IDLE_CORE),
        [f"contract core: 1 lots are left on 2028-03-01, {NOT_ALLOWED}"],
    ),
    "exit before the first fee": (
        all_of(noun("contracts", "core", fee_steps=(LATE_FEE,)), decision("exits", (CORE, 2), 1), IDLE_CORE),
        [f"contract core: 1 lots are left on 2028-03-01, {NOT_ALLOWED}"],
    ),
    "exit without a notice clause": (
        all_of(noun("contracts", "core", notice_days=None), decision("exits", (CORE, 2), 1), IDLE_CORE),
        [f"contract core: 1 lots are left on 2028-03-01, {NOT_ALLOWED}"],
    ),
    "exit with an unknown notice": (
        all_of(noun("contracts", "core", notice_days=UNKNOWN), decision("exits", (CORE, 2), 1), IDLE_CORE),
        [f"contract core: 1 lots are left on 2028-03-01, {NOT_ALLOWED}"],
    ),
    "exit with an unknown fee": (
        all_of(noun("contracts", "core", fee_steps=UNKNOWN), decision("exits", (CORE, 2), 1), IDLE_CORE),
        [f"contract core: 1 lots are left on 2028-03-01, {NOT_ALLOWED}"],
    ),
    "notice on a contract not yet begun": (
        all_of(
            noun("contracts", "quote", start=date(2028, 2, 1), notice_days=30.0, fee_steps=None),
            SIGN_QUOTE,
            decision("exits", (QUOTE, 2), 1),
        ),
        [f"contract quote: 1 lots are left on 2028-03-01, {NOT_ALLOWED}"],
    ),
    "exit of more lots than held": (
        all_of(decision("exits", (CORE, 1), 3), IDLE_CORE),
        ["contract core: drawn beyond its capacity by 10 accelerators in 2028-02", "contract core: 3 lots are left, of 2 held"],
    ),
    "negative exit": (
        decision("exits", (CORE, 1), -1),
        ["contract core: lots left must be >= 0; got -1"],
    ),
    "draw after leaving": (
        decision("exits", (CORE, 1), 1),
        ["contract core: drawn beyond its capacity by 7 accelerators in 2028-02, block day, scenario busy"],
    ),
    "contract in force not held": (
        all_of(decision("lots", CORE, 1), IDLE_CORE),
        ["contract core: is in force with 2 lots; the plan holds 1"],
    ),
    "too many lots": (decision("lots", QUOTE, 4), ["contract quote: 0 to 3 lots may be signed; the plan signs 4"]),
    "negative lots": (
        decision("lots", QUOTE, -1),
        ["contract quote: drawn beyond its capacity by 4 accelerators", "contract quote: 0 to 3 lots may be signed; the plan signs -1"],
    ),
    "half a lot": (
        lambda setup: setup.with_decisions(lots=np.array([2.0, 0.5, 0.0])),
        ["lots: must be whole numbers; got 0.5"],
    ),
    "option group": (
        all_of(SIGN_QUOTE, decision("lots", RIVAL, 1)),
        ["option group lima: at most one of its contracts may be held; the plan holds quote, rival"],
    ),
    "excluded contract": (
        all_of(SIGN_QUOTE, exclusion(ExclusionKind.CONTRACT, "quote"), noun("contracts", "quote", start=date(2028, 2, 3))),
        ["contract core: must not be in force together with quote; both are in 2028-02, 2028-03"],
    ),
    "excluded supplier": (
        all_of(exclusion(ExclusionKind.SUPPLIER, "south"), decision("placed", (DRAFT, slice(2)), -1)),
        ["contract core: nothing may be placed with south while it is in force; load draft@paris is in 2028-03"],
    ),
    "contract of an excluded supplier": (
        all_of(
            exclusion(ExclusionKind.SUPPLIER, "south"),
            decision("placed", DRAFT, -1),
            noun("contracts", "quote", start=date(2028, 3, 1)),
            SIGN_QUOTE,
        ),
        ["contract core: no contract of south may be in force with it; quote is in 2028-03"],
    ),
    "exclusive work": (
        all_of(exclusion(ExclusionKind.WORK, "inference"), decision("placed", (DRAFT, slice(2)), -1)),
        ["contract core: inference runs with north only while it is in force; load draft@paris is with south in 2028-03"],
    ),
    "exclusive training": (
        all_of(
            exclusion(ExclusionKind.WORK, "training"), decision("option", 0, 2), plan_array("offer_draw", (OD_LIMA, MARCH), 4.0)
        ),
        ["contract core: training runs with north only while it is in force; training run pre-1 is with south in 2028-03"],
    ),
    "share of wallet": (
        noun("contracts", "core", share_of_wallet=0.75),
        ["contract core: drawn less than 75% of all accelerator-hours, short by 1.25 accelerators in 2028-03, scenario calm"],
    ),
    "budget": (
        limit(LimitKind.BUDGET, 30000.0),
        ["budget of all suppliers: exceeded by 5,320 USD in 2028-02, scenario busy (and in 5 more places)"],
    ),
    "budget of a supplier in a month": (
        limit(LimitKind.BUDGET, 3700.0, supplier="south", period="2028-01"),
        ["budget of south: exceeded by 130 USD in 2028-01, scenario calm (and in 1 more places)"],
    ),
    "budget that burst counts in": (  # of 12 accelerators held 15 are drawn by night, 17 by day; egress of two loads is 10 USD
        all_of(
            noun("contracts", "core", accelerators=6.0, burst_share=0.5, burst_price=3.0),
            limit(LimitKind.BUDGET, 20000.0, supplier="north", period="2028-01"),
        ),
        [f"budget of north: exceeded by {12 * 2 * 744 + (3 + 5) * 3 * 372 + 10 - 20000:,} USD in 2028-01, scenario busy"],
    ),
    "supplier share": (
        limit(LimitKind.SUPPLIER_SHARE, 0.3, supplier="south", period="2028-03"),
        ["supplier south: more than 30% of the accelerators drawn, above by 0.5 accelerators in 2028-03, scenario calm"],
    ),
    "share of any supplier": (
        limit(LimitKind.SUPPLIER_SHARE, 0.6, period="2028-03"),
        ["supplier north: more than 60% of the accelerators drawn, above by 1 accelerators in 2028-03, scenario calm"],
    ),
    "fewest suppliers": (
        all_of(limit(LimitKind.FEWEST_SUPPLIERS, 2.0), decision("placed", (DRAFT, 1), -1)),
        ["fewest suppliers: work must be placed with at least 2; it is with 1 in 2028-02"],
    ),
    "loss of a site": (
        all_of(limit(LimitKind.SITE_LOSS_RESERVE, 0.5), noun("offers", "od-lima", limit=9.0)),
        [
            # 12 in use at oslo by day; elsewhere od-lima's 9, less 4 at bergen and 4 at lima.
            "loss of site oslo: spare capacity at other sites is short of 50% of what runs there by 5 accelerators in 2028-01",
        ],
    ),
    "moves": (
        all_of(limit(LimitKind.MOVES, 0.0), decision("placed", (DRAFT, 2), -1)),
        ["moves: more loads change pool than allowed, by 1 loads in 2028-01"],
    ),
    "forced load": (
        pin("chat@paris", "force", "bergen-h100", period="2028-02"),
        ["pin of Ada: load chat@paris must be in bergen-h100 in 2028-02"],
    ),
    "forced workload until it lapses": (
        pin("chat", "force", "bergen-h100", expires=date(2028, 2, 2)),
        [
            "pin of Ada: load chat@paris must be in bergen-h100 in 2028-01",
            "pin of Ada: load chat@paris must be in bergen-h100 in 2028-02",
        ],
    ),
    "forbidden load": (
        pin("draft", "forbid", "lima-h100", period="2028-03"),
        ["pin of Ada: load draft@paris must not be in lima-h100 in 2028-03"],
    ),
    "forced run": (pin("pre-1", "force", "lima-h100"), ["pin of Ada: training run pre-1 must run in lima-h100"]),
    "forced run that does not run": (
        all_of(pin("pretrain", "force", "bergen-h100"), decision("option", 0, -1)),
        ["pin of Ada: training run pre-1 must run in bergen-h100; it does not run"],
    ),
    "forbidden run": (
        pin("pretrain", "forbid", "bergen-h100", period="2028-02"),
        ["pin of Ada: training run pre-1 must not run in bergen-h100 in 2028-02"],
    ),
    "forced contract": (pin("quote", "force", None), ["pin of Ada: contract quote must be signed; the plan holds no lot of it"]),
    "forbidden contract": (
        all_of(SIGN_QUOTE, pin("quote", "forbid", None)),
        ["pin of Ada: contract quote must not be signed; the plan signs 1 lots"],
    ),
    "run before its window": (
        all_of(noun("training_runs", "pre-1", window_start=date(2028, 2, 2)), decision("option", 0, 1)),
        [
            "training run pre-1: starts on 2028-02-01, before its window opens on 2028-02-02",
            "training run pre-1: its end by its hours and the end that delay is charged for differ by 32.00 days",
            "pool bergen-h100: accelerators in use exceed",
        ],
    ),
    "run after its window": (
        noun("training_runs", "pre-1", window_end=date(2028, 2, 8)),
        ["training run pre-1: ends 2.00 days after its window closes on 2028-02-08"],
    ),
    "run released too early": (
        needs_array("option_stop", 0, 1),
        ["training run pre-1: ends 9.00 days after its gang is released on 2028-02-01"],
    ),
    "run beyond the calendar": (
        needs_array("option_stop", 0, 4),
        [
            "training run pre-1: training option 0 holds its gang outside the calendar",
        ],
    ),
    "gang": (
        noun("training_runs", "pre-1", gang_sizes=(8,)),
        ["training run pre-1: a gang of 4 accelerators is not allowed"],
    ),
    "option of another run": (
        all_of(decision("option", 0, 7), plan_array("contract_draw", CORE_BERGEN, 0.0)),
        ["training run pre-1: training option 7 is not one of its options"],
    ),
    "pool that cannot serve": (
        decision("placed", (CHAT, 1), BERGEN),
        ["load chat@paris: pool bergen-h100 cannot serve it; it is placed there in 2028-02"],
    ),
    "pool that does not exist": (
        decision("placed", (CHAT, 1), 9),
        ["placed: pools are numbered from 0 to 2, -1 for none; got 9"],
    ),
    "residency": (
        noun("workloads", "draft", residency=("EEA", "CA")),
        ["load draft@paris: must stay in EEA, CA; pool lima-h100 is in PE"],
    ),
    "accelerators allowed": (
        noun("workloads", "pretrain", accelerators_allowed=("b200",)),
        ["training run pre-1: may not use h100 (pool bergen-h100)"],
    ),
    "sites that weights may enter": (
        lambda setup: setup.with_case(allowed_sites=(AllowedSite(model="m-small", site="oslo"),)),
        ["load draft@paris: the weights of m-small may not be at site lima (pool lima-h100)"],
    ),
    "unknown price": (
        noun("contracts", "quote", price=UNKNOWN),
        ["contract quote: its price is unknown; no plan can be priced with it"],
    ),
    "no exchange rate": (
        noun("contracts", "quote", currency="SEK"),
        ["contract quote: SEK has no exchange rate in some period"],
    ),
    "quote that has lapsed": (
        noun("contracts", "quote", sign_by=date(2027, 12, 31)),
        [
            "contracts: the plan names quote, which the case does not offer",
            "contract pools: the plan names quote in lima-h100, which the case does not offer",
        ],
    ),
    "contract that is over": (
        noun("contracts", "rival", status=Status.EXPIRED),
        [
            "contracts: the plan names rival, which the case does not offer",
            "contract pools: the plan names rival in lima-h100, which the case does not offer",
        ],
    ),
    "contract left out": (
        lambda setup: setup.with_case(contracts=(*setup.case.contracts, replace(setup.case.contracts[QUOTE], name="new"))),
        ["contracts: the plan leaves out new", "contract pools: the plan leaves out new in lima-h100"],
    ),
    "offer left out": (
        lambda setup: setup.with_case(offers=(*setup.case.offers, replace(setup.case.offers[0], name="new"))),
        ["offers: the plan leaves out new"],
    ),
    "label twice": (
        lambda setup: setup.with_plan(offers=("od-lima", "od-lima", "spot-lima")),
        ["offers: the plan leaves out od-oslo", "offers: the plan names one of them twice"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rule_is_reported_alone(name: str) -> None:
    change, expected = BROKEN[name]
    broken = change(two_suppliers()).verify().broken
    assert len(broken) == len(expected), broken
    for message, start in zip(broken, expected, strict=True):
        assert message.startswith(start), broken


KEPT: dict[str, Change] = {
    "signed quote": SIGN_QUOTE,
    "exit after notice": all_of(decision("exits", (CORE, 1), 1), IDLE_CORE),
    "exit on the day on which notice ends": all_of(noun("contracts", "core", notice_days=31.0), decision("exits", (CORE, 1), 1), IDLE_CORE),
    "exclusion that is over": all_of(
        SIGN_QUOTE, exclusion(ExclusionKind.CONTRACT, "quote"), decision("exits", (CORE, 1), 2), IDLE_CORE,
        plan_array("offer_draw", 0, 20.0), noun("contracts", "quote", start=date(2028, 2, 1)),
    ),
    "wallet just full": noun("contracts", "core", share_of_wallet=2 / 3),
    "budget just spent": limit(LimitKind.BUDGET, 35320.0),
    "a month that was paid ahead": all_of(
        noun("contracts", "core", upfront_share=0.5), limit(LimitKind.BUDGET, 100.0, supplier="north", period="2028-02")
    ),
    "penalties are not budgeted": limit(LimitKind.BUDGET, 33500.0, period="2028-03"),
    "share just kept": limit(LimitKind.SUPPLIER_SHARE, 1 / 3, supplier="south", period="2028-03"),
    "two suppliers": limit(LimitKind.FEWEST_SUPPLIERS, 2.0),
    "spare capacity without limit": all_of(limit(LimitKind.SITE_LOSS_RESERVE, 1.0), noun("offers", "od-lima", limit=None)),
    "one move": limit(LimitKind.MOVES, 1.0),
    "pin that has lapsed": pin("chat", "force", "bergen-h100", expires=date(2028, 1, 1)),
    "pin that is kept": pin("draft", "force", "lima-h100"),
    "run that is pinned where it is": pin("pre-1", "force", "bergen-h100", period="2028-02"),
    "window that was open already": all_of(
        noun("training_runs", "pre-1", window_start=date(2027, 12, 22)), needs_array("option_end_days", 0, 50.0)
    ),
    "quote open to the last day": noun("contracts", "quote", sign_by=date(2028, 1, 1)),
    "sites that weights may enter": lambda setup: setup.with_case(allowed_sites=(AllowedSite(model="m-small", site="lima"),)),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_kept_rule_is_not_reported(name: str) -> None:
    assert KEPT[name](two_suppliers()).verify().broken == ()


@pytest.mark.parametrize(("missing", "kept"), [(1e-7, True), (1e-5, False)])
def test_tolerance_is_a_millionth_of_an_accelerator(missing: float, kept: bool) -> None:
    setup = two_suppliers()
    short = setup.with_plan(offer_draw=changed(setup.plan.offer_draw, SPOT_LIMA, 5.0 - missing / 0.8))
    assert (short.verify().broken == ()) is kept


def test_capacity_that_two_sites_share_is_spare_only_where_neither_is_lost() -> None:
    """core covers oslo and bergen: its 20 accelerators are no spare for the loss of either, but are for the loss of lima."""
    setup = all_of(limit(LimitKind.SITE_LOSS_RESERVE, 1.0), noun("offers", "od-lima", limit=100.0))(two_suppliers())
    assert setup.verify().broken == ()
    scarce = all_of(noun("offers", "od-lima", limit=0.0), noun("offers", "od-oslo", limit=0.0))(setup).verify().broken
    # Of core's 20 accelerators 80 % work wherever they are drawn: 16, less 12 at oslo and 4 at bergen, leave none for lima's 4.
    assert [message.split(" by ")[0].split(":")[0] for message in scarce] == [f"loss of site {site}" for site in ("oslo", "bergen", "lima")]
    assert "by 4 accelerators in 2028-01, block day, scenario busy" in scarce[2]
