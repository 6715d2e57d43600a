"""Which quotes may be asked about, and how far ahead they are judged."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from optimizer.domain.rules import Pin
from optimizer.errors import ConfigError
from optimizer.planning.assemble import build_problem
from optimizer.planning.changes import with_terms
from optimizer.planning.quote.asked import asked_contracts, asked_offers, beyond, periods_to_end
from optimizer.planning.quote.outputs import told_amounts
from optimizer.planning.quote.variants import Variants, at_price, without_pins_on
from tests.planning.cases import two_suppliers

CASE = two_suppliers().case


def test_all_open_quotes_where_none_is_named() -> None:
    assert [contract.name for contract in asked_contracts(CASE, [])] == ["quote", "rival"]
    assert [contract.name for contract in asked_contracts(CASE, ["rival"])] == ["rival"]
    late = with_terms(CASE, "quote", sign_by=date(2027, 12, 31))
    assert [contract.name for contract in asked_contracts(late, [])] == ["rival"]


def test_what_is_no_open_quote_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"got core\. There are: quote, rival\."):
        asked_contracts(CASE, ["core"])
    signed = replace(CASE, contracts=CASE.contracts[:1])
    with pytest.raises(ConfigError, match="must have a Proposed contract"):
        asked_contracts(signed, [])
    with pytest.raises(ConfigError, match=r"quote\.offers"):
        asked_offers(CASE, ["nobody"])


def test_the_calendar_is_read_to_the_end_of_the_last_quote() -> None:
    ends = (date(2028, 1, 20), date(2028, 2, 1), date(2028, 2, 2), date(2029, 1, 1))
    quotes = [with_terms(CASE, "quote", end=end).contracts[1] for end in ends]
    assert [periods_to_end(CASE, [quote]) for quote in quotes] == [1, 1, 2, 3]
    assert periods_to_end(CASE, quotes) == 3
    told = beyond(CASE, [replace(quote, terminal_use=0.75) for quote in quotes])
    assert len(told) == 1
    assert told[0].startswith("contract quote: ends 2029-01-01, after the calendar (2028-04-01); ")
    assert told[0].endswith("what is paid then counts with 1 - x_TerminalUseShare = 0.25 of it")


def test_pins_on_the_quotes_are_set_aside_and_no_others() -> None:
    pins = tuple(
        Pin(subject=subject, action="force", pool=pool, period=None, reason="", owner="", expires=None)
        for subject, pool in (("quote", None), ("core", None), ("chat", "oslo-h100"))
    )
    left = without_pins_on(replace(CASE, pins=pins), ["quote"]).pins
    assert [pin.subject for pin in left] == ["core", "chat"]


def test_a_quote_named_twice_is_asked_about_once() -> None:
    assert [row.name for row in asked_contracts(CASE, ["rival", "quote", "rival"])] == ["rival", "quote"]


def test_only_the_row_of_a_quote_changes_with_its_price() -> None:
    problem = build_problem(CASE, two_suppliers().needs, annual_discount_rate=0.05)
    k = problem.supply.contracts.index("quote")
    variants = Variants(CASE, problem, 0.05, k)
    assert variants.stands_alone
    for factor in (0.3, 1.7):
        row, whole = variants.at(factor).supply, variants.with_quote(at_price(variants.quote, factor)).supply
        for name in vars(whole):
            if isinstance(getattr(whole, name), np.ndarray):
                assert np.array_equal(getattr(row, name), getattr(whole, name)), name


def test_an_end_that_is_not_known_has_no_amount_of_money() -> None:
    row = {"contract": "quote", "saving_low_usd": -math.inf, "saving_high_usd": 3.0, "width": math.inf, "offered_usd": None}
    assert told_amounts([row]) == [row | {"saving_low_usd": None}]


def test_another_price_keeps_the_list_price_as_long_as_it_is_not_below() -> None:
    quote = replace(CASE.contracts[1], price=3.0, discount=0.4)
    cheaper, dearer, dearest = (at_price(quote, factor) for factor in (0.5, 1.5, 2.0))
    assert (cheaper.price, cheaper.discount) == pytest.approx((1.5, 0.7))  # list 5
    assert (dearer.price, dearer.discount) == pytest.approx((4.5, 0.1))
    assert (dearest.price, dearest.discount) == pytest.approx((6.0, 0.0))
