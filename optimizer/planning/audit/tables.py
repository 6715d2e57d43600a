"""The audit as tables, and its totals for summary.json."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import numpy as np

from optimizer.domain.contract import Balance, Contract
from optimizer.domain.supply import RegisteredClause
from optimizer.planning import outputs
from optimizer.planning.audit import concentration, decisions, gaps, losses, market, prices
from optimizer.planning.audit.audit import Audit
from optimizer.planning.audit.clauses import State, clause_states
from optimizer.planning.audit.exits import earliest_exit
from optimizer.planning.audit.prices import Price
from optimizer.planning.audit.use import TAIL, percentile
from optimizer.planning.doing_nothing import doing_nothing_usd
from optimizer.planning.unit_costs import unit_costs
from optimizer.planning.verify import cost_rows

Rows = Sequence[Mapping[str, Any]]
ALL = "all in force"

COLUMNS = {
    "contracts": (
        *("contract", "total_contract_value_usd", "non_cancellable_usd", "earliest_exit", "shortfall_mean_usd", "shortfall_p90_usd"),
        "effective_usd_per_accelerator_hour",
    ),
    "contract_periods": ("contract", "period", "contract_value_usd", "non_cancellable_usd"),
    "exit_curve": (*("contract", "date", "notice_by", "contractual_cost_usd", "replacement_cost_low_usd", "replacement_cost_high_usd"),),
    "exit_parts": ("contract", "date", "minimums_usd", "forfeited_usd", "fee_usd", "clawback_usd"),
    "clauses": ("contract", "clause", "state", "price_low_usd", "price_high_usd"),
    "legal_review": ("contract", "section", "category", "text", "blocks_multi_supplier", "owner", "reviewed_on"),
    "gaps": gaps.COLUMNS,
    "exit_ranges": ("contract", "date", "notice_by", "contractual_cost_low_usd", "contractual_cost_high_usd"),
    "market_comparison": market.COLUMNS,
    "concentration": concentration.COLUMNS,
    "decisions": decisions.COLUMNS,
    "losses": losses.COLUMNS,
    "price_intervals": prices.COLUMNS,
    "balances": ("contract", "kind", "at_start_usd", "used_usd", "at_horizon_usd", "expires_after_intervals"),
    "obligations": ("contract", "beyond", "until", "least_usd"),
    "costs": outputs.COLUMNS["costs"],
    "unit_costs": outputs.COLUMNS["unit_costs"],
}
"""Columns of the tables of an audit's folder, in their order."""


def tables(found: Audit, answers: Sequence[Price], *, within_days: int) -> dict[str, Rows]:
    """Rows of each table by name. Undiscounted cash in USD, but for price intervals, `costs` and `unit_costs`."""
    base, verification = found.base, found.base.verification
    return {
        "contracts": [_contract(found, contract) for contract in found.contracts],
        "contract_periods": by_period(found),
        "exit_curve": [row for name in found.terms for row in _exit_curve(found, name)],
        "exit_parts": [row for name in found.terms for row in _exit_parts(found, name)],
        "clauses": clause_rows(found, answers),
        "legal_review": [asdict(clause) for contract in found.contracts for clause in _registered(found, contract)],
        "gaps": [row for contract in found.contracts for row in gaps.gaps(found, contract)],
        "exit_ranges": [row for name in found.terms for row in _exit_ranges(found, name)],
        "market_comparison": market.market_comparison(found.case, found.terms, found.used),
        "concentration": concentration.concentration(found.position, verification, found.terms, found.locked),
        "decisions": list(_decisions(found, within_days)),
        "losses": _losses(found, answers),
        "price_intervals": prices.rows(answers),
        "balances": [row for name in found.terms for row in _balances(found, name)],
        "obligations": [row for name in found.terms for row in _obligations(found, name)],
        "costs": cost_rows(verification),
        "unit_costs": unit_costs(base.case, base.needs, base.plan, verification),
    }


def _decisions(found: Audit, within_days: int) -> Iterator[Mapping[str, Any]]:
    """What is due; of a quote that the plan signs, doing nothing costs at most what the plan does without it."""
    case = replace(found.case, contracts=found.contracts)
    signed = {row["contract"] for row in outputs.commitments(found.base) if row["decision"] == "sign"}
    rows = list(decisions.decisions(case, found.terms, found.curves, recommended(found), within_days=within_days))
    quoted = [row["decision"] in ("sign", "renew") and row["contract"] in signed for row in rows]
    idle_usd = doing_nothing_usd(found.base, [(row["contract"], "sign") for row, asked in zip(rows, quoted, strict=True) if asked])
    for row, asked in zip(rows, quoted, strict=True):
        yield row | {"doing_nothing_usd": idle_usd[row["contract"], "sign"]} if asked else row


def recommended(found: Audit) -> dict[str, str]:
    """What the plan does with each contract. Example: "keep 2, leave 1 from 2027-02-01"."""
    told: dict[str, list[str]] = {}
    for row in outputs.commitments(found.base):
        when = "" if row["effective"] is None else f" from {row['effective']}"
        lots = "" if row["decision"] == "decline" else f" {row['lots']}"
        told.setdefault(row["contract"], []).append(f"{row['decision']}{lots}{when}")
    return {name: ", ".join(parts) for name, parts in told.items()}


def _contract(found: Audit, contract: Contract) -> dict[str, Any]:
    term, use = found.terms.get(contract.name), found.used.get(contract.name)
    known = term is not None
    return {
        "contract": contract.name,
        "total_contract_value_usd": math.fsum(term.value()) if term is not None else None,
        "non_cancellable_usd": found.locked[contract.name].usd if known else None,
        "earliest_exit": earliest_exit(found.curves[contract.name], contract) if known else None,
        "shortfall_mean_usd": None if use is None else use.shortfall_mean_usd,
        "shortfall_p90_usd": None if use is None else use.shortfall_p90_usd,
        "effective_usd_per_accelerator_hour": None if use is None else use.effective_usd,
    }


def by_period(found: Audit) -> list[dict[str, Any]]:
    """Contracts one by one, then all those in force together."""
    rows = [row for name in found.terms for row in _by_period(found, name)]
    held = [row for row in rows if found.terms[row["contract"]].contract.status.in_force]
    calendar = found.case.calendar
    labels = [f"before {calendar.start}", *(period.name for period in calendar.periods), f"from {calendar.end}"]
    for label in labels:
        within = [row for row in held if row["period"] == label]
        if within:
            amounts = {name: math.fsum(row[name] for row in within) for name in ("contract_value_usd", "non_cancellable_usd")}
            rows.append({"contract": ALL, "period": label} | amounts)
    return rows


def _by_period(found: Audit, name: str) -> Iterator[dict[str, Any]]:
    """Value and what cannot be cancelled by period of the calendar, and before and after it; a fee stands in the period of the exit."""
    term, way = found.terms[name], found.locked[name].exit
    value, least = term.value(), term.least(way.piece)
    if way.piece < len(term.pieces) and np.isfinite(term.exit_fee[way.piece]):
        least[way.piece] += term.exit_fee[way.piece]
    labels = [_label(found, piece.start) for piece in term.pieces]
    for label in dict.fromkeys(labels):
        within = [m for m, own in enumerate(labels) if own == label]
        amounts = {"contract_value_usd": math.fsum(value[within]), "non_cancellable_usd": math.fsum(least[within])}
        yield {"contract": name, "period": label} | amounts


def _label(found: Audit, day: date) -> str:
    calendar = found.case.calendar
    if day < calendar.start:
        return f"before {calendar.start}"
    return next((period.name for period in calendar.periods if period.start <= day < period.end), f"from {calendar.end}")


def _exit_curve(found: Audit, name: str) -> Iterator[dict[str, Any]]:
    term = found.terms[name]
    for way in found.curves[name]:
        low_high = market.replacement_usd(found.base.case, term, found.used.get(name), way.piece)
        yield {
            "contract": name,
            "date": way.on,
            "notice_by": way.notice_by,
            "contractual_cost_usd": way.cost_usd,
            "replacement_cost_low_usd": None if low_high is None else low_high[0],
            "replacement_cost_high_usd": None if low_high is None else low_high[1],
        }


def _exit_parts(found: Audit, name: str) -> Iterator[dict[str, Any]]:
    """What the contractual cost of each exit is made of, where it is a figure."""
    for way in found.curves[name]:
        if way.parts is not None:
            yield {"contract": name, "date": way.on} | asdict(way.parts)


def _exit_ranges(found: Audit, name: str) -> Iterator[dict[str, Any]]:
    """Exits whose cost is no figure, because nobody has read the terms."""
    for way in found.curves[name]:
        if way.cost_usd is None:
            when = {"contract": name, "date": way.on, "notice_by": way.notice_by}
            yield when | {"contractual_cost_low_usd": way.low_usd, "contractual_cost_high_usd": way.high_usd}


def clause_rows(found: Audit, answers: Sequence[Price]) -> list[dict[str, Any]]:
    """Every contract by every clause of the registry, then those without arithmetic; the price is what the plan would save without it."""
    priced = {(answer.contract, answer.subject): answer for answer in answers if answer.what == prices.CLAUSE}
    rows = []
    for contract in found.contracts:
        for clause, state in clause_states(contract):
            low, high = _saved(priced.get((contract.name, clause.name)))
            rows.append(
                {"contract": contract.name, "clause": clause.name, "state": str(state), "price_low_usd": low, "price_high_usd": high}
            )
        for registered in _registered(found, contract):
            named: dict[str, Any] = {"contract": contract.name, "clause": f"{registered.category}, {registered.section}"}
            rows.append(named | {"state": str(State.LEGAL_REVIEW), "price_low_usd": None, "price_high_usd": None})
    return rows


def _registered(found: Audit, contract: Contract) -> list[RegisteredClause]:
    return [clause for clause in found.case.clause_register if clause.contract == contract.name]


def _saved(answer: Price | None) -> tuple[float | None, float | None]:
    """What dropping a clause saves: never less than nothing."""
    if answer is None or answer.low_usd is None or answer.high_usd is None:
        return None, None
    return max(0.0, -answer.high_usd), max(0.0, -answer.low_usd)


def _losses(found: Audit, answers: Sequence[Price]) -> list[dict[str, Any]]:
    events = {prices.LOSS: losses.SUPPLIER, prices.SITE: losses.SITE}
    planned = {(events[answer.what], answer.subject): answer for answer in answers if answer.what in events}
    rows = losses.losses(found.position)
    for row in rows:
        answer = planned.get((row["event"], row["name"]))
        row |= {} if answer is None else {"low_usd": answer.low_usd, "high_usd": answer.high_usd}
    return rows


def _balances(found: Audit, name: str) -> Iterator[dict[str, Any]]:
    """What is at hand when the calendar begins: paid in advance, brought forward, spent towards the minimum in progress.

    `used_usd` is what the plan uses of it up to its horizon; blank, as `at_horizon_usd` is, where the contract's bills do not say.
    """
    term, use = found.terms[name], found.used.get(name)
    contract, horizon = term.contract, found.base.case.calendar.end
    if term.now == len(term.pieces):
        return
    at = next((m for m, day in enumerate(term.dates) if day >= horizon), len(term.pieces))
    rate = float(term.usd_per_unit[term.now])
    row: dict[str, Any] = {"contract": name, "used_usd": None, "at_horizon_usd": None, "expires_after_intervals": None}
    if term.prepaid[term.now] > 0.0:
        held, left = float(term.prepaid[term.now]), float(term.prepaid[at])
        yield row | {"kind": "prepaid", "at_start_usd": held, "used_usd": held - left, "at_horizon_usd": left}
    if isinstance(contract.balance, Balance):
        used = None if use is None else -use.paid.get("balance", 0.0)
        kind, life = str(contract.balance.kind), contract.balance.expires_after
        start = rate * min(contract.balance.opening, math.inf if contract.balance.cap is None else contract.balance.cap)
        yield row | {"kind": kind, "at_start_usd": start, "used_usd": used, "expires_after_intervals": life}
    if contract.spent_so_far is not None:
        yield row | {"kind": "spent towards the minimum", "at_start_usd": rate * contract.spent_so_far}


def _obligations(found: Audit, name: str) -> Iterator[dict[str, Any]]:
    """What contracts in force ask for at least after the horizon of the plan, if they are kept."""
    term, horizon = found.terms[name], found.base.case.calendar.end
    if term.contract.status.in_force and term.contract.end > horizon:
        paid = term.least(len(term.pieces))
        after = [amount for amount, piece in zip(paid, term.pieces, strict=True) if piece.start >= horizon]
        yield {"contract": name, "beyond": horizon, "until": term.contract.end, "least_usd": math.fsum(after)}


def totals(found: Audit, rows: Mapping[str, Rows], kinds: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The audit's keys of summary.json. Contracts in force only; cash in USD, undiscounted.

    Args:
      kinds: source_kind of the rows of `contracts` and `offers`, by table and name.
    """
    held = [contract.name for contract in found.contracts if contract.status.in_force and contract.name in found.terms]
    states = [row["state"] for row in rows["clauses"]]
    short = [found.used[name].shortfall for name in held if name in found.used]
    all_short = np.sum(short, axis=0) if short else np.zeros(len(found.position.probability))
    spend = next((row["herfindahl"] for row in rows["concentration"] if row["measure"] == "spend"), None)
    return {
        "total_contract_value_usd": math.fsum(math.fsum(found.terms[name].value()) for name in held),
        "non_cancellable_low_usd": math.fsum(found.locked[name].low_usd for name in held),
        "non_cancellable_high_usd": math.fsum(found.locked[name].high_usd for name in held),
        "beyond_horizon_usd": math.fsum(row["least_usd"] for row in rows["obligations"]),
        "shortfall_mean_usd": float(all_short @ found.position.probability),
        "shortfall_p90_usd": percentile(all_short, found.position.probability, TAIL),
        "assumed_share": assumed_share(found, kinds),
        "herfindahl_spend": spend,
        "clauses": {str(state): states.count(str(state)) for state in State},
        "gaps": len(rows["gaps"]),
        "decisions": len(rows["decisions"]),
    }


def assumed_share(found: Audit, kinds: Mapping[str, Mapping[str, str]]) -> float:
    """Share of the plan's expected cash to suppliers' contracts and offers whose figures are assumed."""
    paid, assumed = [], []
    table = {"contract": "contracts", "offer": "offers"}
    for entry in found.base.verification.ledger:
        if entry.payee_kind in table:
            paid.append(entry.cash_usd)
            if kinds[table[entry.payee_kind]].get(entry.name) == "assumed":
                assumed.append(entry.cash_usd)
    return math.fsum(assumed) / math.fsum(paid) if paid and math.fsum(paid) else 0.0


def alerts(found: Audit, answers: Sequence[Price]) -> tuple[str, ...]:
    """What the audit cannot say, beside what the plan leans on."""
    why = "the plan does without it, as something in it is unknown or cannot be planned"
    unread = [f"contract {name}: {why}" for name in found.unplanned]
    missing = [answer for answer in answers if answer.low_usd is None]
    reasons = [f"{len(missing)} of {len(answers)} prices were not found; first: {missing[0].status}"] if missing else []
    return (*found.base.alerts, *unread, *reasons)
