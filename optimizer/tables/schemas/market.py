"""What the market charges: offers, price observations, exchange rates, spend that no workload causes."""

from __future__ import annotations

from optimizer.tables.schema import AMOUNT, NOT_NEGATIVE, POSITIVE, PRICE, SHARE, Bounds, Table, day, number, table, text

MARKET_TABLES: tuple[Table, ...] = (
    table(
        "offers",
        "Capacity that can be had in a pool without a commitment.",
        text("offer", "Name of the offer.", key=True),
        text("pool", "Pool in which the capacity is.", refers_to="pools"),
        text("kind", "on_demand: kept until given back; spot: may be interrupted.", allowed=("on_demand", "spot")),
        number("usd_per_accelerator_hour", "USD / accelerator-hour", "Price of an accelerator held for an hour.", PRICE),
        day("valid_from", "First day on which the offer holds.", absent="holds from before the calendar's start"),
        day("valid_to", "First day on which it no longer holds.", absent="holds beyond the calendar's end"),
        number("limit_accelerators", "accelerators", "Most accelerators to be had at once.", NOT_NEGATIVE, absent="no limit"),
        number("loss_share", "share", "Share of spot hours lost to interruptions; 0 for on-demand.", Bounds(at_least=0, below=1)),
    ),
    table(
        "other_spend",
        "Spend that no workload causes (CPU, storage, network). It counts towards a contract's minimum as far as it is eligible.",
        text("supplier", "Supplier to whom it is paid.", key=True, refers_to="suppliers"),
        text("period", "Period in which it is paid.", key=True, refers_to="calendar"),
        number("spend_usd", "USD", "Cash paid in the period.", AMOUNT),
        text(
            "ContractCommitmentId",
            "Contract towards whose minimum spend it counts.",
            absent="counts towards no minimum",
            refers_to="contracts",
        ),
        number("eligible_share", "share", "Share of it that counts towards the minimum.", SHARE),
        absent="no such spend",
    ),
    table(
        "price_points",
        "Dated observations of market prices; rows are added, never changed.",
        day("observed_on", "Day of the observation.", key=True),
        text("supplier", "Supplier observed; it need not be one of the case.", key=True),
        text("accelerator", "Accelerator observed; it need not be one of the case.", key=True),
        text("region", "Region observed.", key=True, absent="no region stated"),
        number("term_months", "months", "Committed term; 0 for on-demand.", NOT_NEGATIVE, key=True),
        text("kind", "What was observed.", key=True, allowed=("list", "quote", "reported", "index")),
        number("usd_per_accelerator_hour", "USD / accelerator-hour", "Price observed.", PRICE),
        absent="contracts are not compared with the market",
    ),
    table(
        "exchange_rates",
        "Worth of other currencies; needed for every BillingCurrency other than USD, for every period.",
        text("currency", "Currency code, as in BillingCurrency.", key=True),
        text("period", "Period in which the rate holds.", key=True, absent="every period without a row of its own", refers_to="calendar"),
        text(
            "scenario",
            "Scenario in which the rate holds.",
            key=True,
            absent="every scenario without a row of its own",
            refers_to="scenarios",
        ),
        number("usd_per_unit", "USD / unit of currency", "Worth of one unit of the currency.", PRICE),
        absent="all contracts are billed in USD",
    ),
    table(
        "index_values",
        "Values of price indices that contracts follow; needed for every index named, every period and scenario.",
        text("index", "Name of the index, as in x_PriceIndex.", key=True),
        text("period", "Period in which the value holds.", key=True, absent="every period without a row of its own", refers_to="calendar"),
        text(
            "scenario",
            "Scenario in which the value holds.",
            key=True,
            absent="every scenario without a row of its own",
            refers_to="scenarios",
        ),
        number("value", "value of the index", "The index, in the unit of the contracts' x_IndexBase.", POSITIVE),
        absent="no contract follows an index",
    ),
)
