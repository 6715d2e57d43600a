from __future__ import annotations

import pytest

from optimizer.report.wording import counted, figure, gap_text, money, money_unit, signed, words


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        (0.0, "0 %"),
        (1e-16, "below 0.0001 %"),
        (1e-6, "0.0001 %"),
        (0.000041, "0.0041 %"),
        (0.0283, "2.8 %"),
        (0.35, "35 %"),
        (3.5, "350 %"),
        (35.0, "3,500 %"),
    ],
)
def test_a_gap_keeps_the_digits_that_count(gap, told):
    assert gap_text(gap) == told


@pytest.mark.parametrize(("usd", "told"), [(1_234_567_890.0, "1,234.57 M USD"), (9_999.5, "9,999.50 USD"), (-2e7, "-20.00 M USD")])
def test_money_is_told_in_a_unit_that_fits(usd, told):
    unit = money_unit(usd)
    assert f"{money(usd, unit)} {unit}" == told


@pytest.mark.parametrize(("usd", "told"), [(12.5, "+12.50"), (-12.5, "-12.50"), (0.004, "0.00"), (-0.004, "0.00"), (0.0, "0.00")])
def test_what_rounds_to_nothing_has_no_sign(usd, told):
    assert signed(usd, "USD") == told


def test_nouns_agree_with_their_number():
    assert [counted(number, "load", "loads") for number in (0, 1, 1200)] == ["0 loads", "1 load", "1,200 loads"]


@pytest.mark.parametrize(
    ("number", "told"),
    [(6.5e8, "650,000,000"), (1.25, "1.25"), (0.97, "0.97"), (312_500.0, "312,500"), (1.2e-5, "1.2e-05"), (-2e6, "-2,000,000")],
)
def test_figures_are_written_out(number, told):
    assert figure(number) == told


@pytest.mark.parametrize(
    ("name", "told"),
    [("x_TakeOrPayShare", "take or pay share"), ("availability_share", "availability share"), ("p50", "p50"), ("x_SLA", "SLA")],
)
def test_columns_are_named_in_words(name, told):
    assert words(name) == told
