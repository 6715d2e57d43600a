"""What can no longer be signed, prolonged or held beside what cannot be left, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import Exclusion, ExclusionKind, Renewal
from optimizer.errors import ConfigError
from optimizer.planning.assemble.contracts import plannable_contracts
from optimizer.planning.changes import with_terms
from optimizer.planning.out_of_reach import barred, out_of_reach
from optimizer.planning.quote.asked import asked_contracts
from tests.planning.cases import two_suppliers

CASE = two_suppliers().case
PASSED = date(2027, 12, 31)
FEBRUARY = date(2028, 2, 1)


def excluding(kind: ExclusionKind, other: str, case: Case = CASE, name: str = "quote") -> Case:
    return with_terms(case, name, exclusions=(Exclusion(kind=kind, other=other),))


def test_nothing_is_said_where_everything_is_still_to_be_decided() -> None:
    assert out_of_reach(CASE) == ()


def test_a_day_to_sign_that_has_passed_is_told() -> None:
    told = "contract quote: could be signed until 2027-12-31, before the case's date, 2028-01-01; it is left out. "
    assert out_of_reach(with_terms(CASE, "quote", sign_by=PASSED)) == (told + "Ask for a later day, or set its status.",)
    over = with_terms(CASE, "quote", sign_by=PASSED, end=date(2028, 1, 1))
    assert out_of_reach(over) == ()


def test_a_quote_that_says_no_day_can_be_signed_until_it_starts() -> None:
    begun = with_terms(CASE, "quote", start=PASSED)
    assert "could be signed until 2027-12-30" in out_of_reach(begun)[0]
    assert [contract.name for contract in plannable_contracts(begun)] == ["core", "rival"]


def test_a_day_to_prolong_that_has_passed_is_told() -> None:
    parent = with_terms(CASE, "core", end=date(2028, 3, 1), renewal=Renewal(months=12, decide_by=PASSED))
    renewed = parent.contracts[0].renewed
    assert renewed is not None
    told = out_of_reach(replace(parent, contracts=(*parent.contracts, renewed)))
    assert told == (
        "contract core: could be prolonged until 2027-12-31, before the case's date, 2028-01-01; it ends on 2028-03-01. "
        "If it was prolonged, write its new ContractCommitmentPeriodEnd, and none as x_RenewalMonths.",
    )


@pytest.mark.parametrize(
    ("kind", "other", "why"),
    [(ExclusionKind.CONTRACT, "core", "quote excludes core"), (ExclusionKind.SUPPLIER, "north", "quote excludes contracts of north")],
)
def test_a_quote_that_excludes_what_cannot_be_left_is_barred(kind: ExclusionKind, other: str, why: str) -> None:
    found = barred(excluding(kind, other))
    assert found == {
        "quote": f"cannot be signed: {why}, and core is in force in 2028-01 and cannot be left by then. "
        "Ask for a later start or without the exclusion, or set its status to Canceled."
    }


def test_a_contract_in_force_may_exclude_the_quote() -> None:
    assert "core excludes rival" in barred(excluding(ExclusionKind.CONTRACT, "rival", name="core"))["rival"]
    assert set(barred(excluding(ExclusionKind.SUPPLIER, "south", name="core"))) == {"quote", "rival"}
    assert barred(excluding(ExclusionKind.WORK, "training", name="core")) == {}


def test_a_quote_that_starts_once_the_other_can_be_left_is_not_barred() -> None:
    later = excluding(ExclusionKind.CONTRACT, "core", with_terms(CASE, "quote", start=FEBRUARY))
    assert barred(later) == {}  # 30 days' notice from 1 January
    assert "in force in 2028-02" in barred(with_terms(later, "core", notice_days=None))["quote"]
    assert barred(with_terms(later, "core", notice_days=None, end=FEBRUARY)) == {}


def test_a_quote_that_can_be_left_before_the_other_begins_is_not_barred() -> None:
    later = excluding(ExclusionKind.CONTRACT, "core", with_terms(CASE, "core", start=FEBRUARY, notice_days=None))
    assert set(barred(later)) == {"quote"}
    assert barred(with_terms(later, "quote", notice_days=31.0)) == {}


def test_a_barred_quote_is_not_asked_about() -> None:
    case = excluding(ExclusionKind.CONTRACT, "core")
    assert [contract.name for contract in asked_contracts(case, [])] == ["rival"]
    with pytest.raises(ConfigError, match=r"must name quotes that some plan can sign; got quote\. It cannot be signed: quote"):
        asked_contracts(case, ["quote"])
    with pytest.raises(ConfigError, match="It cannot be signed: quote excludes core"):
        asked_contracts(with_terms(case, "rival", sign_by=PASSED), [])
