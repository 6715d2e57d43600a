"""Contracts in FOCUS words, one commitment per row; repeated clauses stand in child tables."""

from __future__ import annotations

from optimizer.tables.schema import (
    AMOUNT,
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_SHARE,
    PRICE_OR_FREE,
    SHARE,
    Bounds,
    Column,
    Kind,
    Table,
    boolean,
    clause,
    day,
    integer,
    number,
    rare_clause,
    table,
    text,
)


def _contract() -> Column:
    return text("ContractCommitmentId", "Contract to which the row belongs.", key=True, refers_to="contracts")


_DAYS = Bounds(at_least=0, at_most=36525)  # a century: days beyond are no dates
_STATUSES = ("Proposed", "Pending", "Active", "Exhausted", "Expired", "Canceled", "Superseded")

UNREAD_CLAUSES = ("ramp", "tiers", "price_index", "balance", "most_favoured_price", "exclusions")
"""Clauses that cannot say unknown in a cell of their own."""

_CONTRACTS = table(
    "contracts",
    "Commitments of capacity, in force or quoted, each in equal lots. Clauses are none, unknown or given; a blank clause is unknown.",
    text("ContractCommitmentId", "Name of the commitment, unique; every other table names contracts by it.", key=True),
    text("ContractId", "Agreement to which the commitment belongs."),
    text("x_Supplier", "Supplier that promises the capacity.", refers_to="suppliers"),
    text(
        "ContractCommitmentLifecycleStatus",
        "Proposed: a quote; Pending, Active, Exhausted: in force, the payments bind; the others are over.",
        allowed=_STATUSES,
    ),
    text("ContractCommitmentCategory", "What is committed: use of capacity, or spend.", allowed=("Usage", "Spend")),
    text("ContractCommitmentDescription", "In words, for reports.", absent="no description"),
    day("ContractCommitmentPeriodStart", "First day in force."),
    day("ContractCommitmentPeriodEnd", "First day no longer in force."),
    text("BillingCurrency", "Currency of all the contract's amounts."),
    text(
        "ContractCommitmentUnit",
        "What the unit price is paid for; a plan refuses a contract whose unit is unknown.",
        allowed=("accelerator-hour", "accelerator-month", "instance-hour", "rack-month", "megawatt-month", "unknown"),
        absent="unknown",
    ),
    number(
        "x_AcceleratorsPerUnit",
        "accelerators",
        "Accelerators that an instance, a rack or a megawatt holds; all prices and quantities by unit are converted with it.",
        POSITIVE,
        absent="the unit is one accelerator's",
    ),
    text(
        "x_FulfillmentInterval",
        "Interval over which minimums are measured, counted from the contract's start; a plan refuses one that is unknown.",
        allowed=("hour", "day", "month", "quarter", "year", "term", "unknown"),
        absent="unknown",
    ),
    day("x_SignBy", "Last day on which a quote can be accepted.", absent="any day before it starts"),
    integer("x_Lots", "lots", "Equal lots: held, where in force; the most that can be signed, where proposed.", AT_LEAST_ONE),
    Column(
        name="x_AcceleratorsPerLot",
        kind=Kind.CLAUSE,
        unit="accelerators",
        meaning="Capacity of one lot before the steps of its ramp; a plan refuses a contract whose capacity is unknown.",
        bounds=POSITIVE,
        allowed=("unknown",),
        absent="unknown",
    ),
    Column(
        name="x_UnitPrice",
        kind=Kind.CLAUSE,
        unit="contract currency / unit",
        meaning="Price of a unit of capacity; a plan refuses a contract whose price is unknown.",
        bounds=PRICE_OR_FREE,
        allowed=("unknown",),
        absent="unknown",
    ),
    clause("x_TakeOrPayShare", "share", "Share of the capacity that is paid whether drawn or not.", SHARE),
    clause("x_MinimumSpend", "contract currency / lot / fulfilment interval", "Least spend in each interval.", AMOUNT),
    clause("x_FixedMonthlyFee", "contract currency / lot / month", "Fee paid for every calendar month in force.", AMOUNT),
    clause("x_ShareOfWallet", "share", "Least share of all accelerator-hours drawn that must be the contract's.", POSITIVE_SHARE),
    clause("x_NoticePeriodDays", "days", "Notice for termination for convenience; none: it may not be terminated so."),
    day("x_EarliestExit", "First day on which a termination may take effect.", absent="any day that the notice allows"),
    text(
        "x_TerminationFeeSchedule",
        "none: leaving is free once notice is served; given: the rows of contract_fee_steps.",
        allowed=("none", "unknown", "given"),
        absent="unknown",
    ),
    rare_clause(
        "x_AnnualEscalator", "share", "Share by which unit prices rise on each anniversary of the start.", Bounds(above=-1, at_most=1)
    ),
    text("x_PriceIndex", "Index in index_values that unit prices follow.", absent="unit prices follow no index"),
    number("x_IndexBase", "value of the index", "Value of the index at which the unit price holds.", POSITIVE, absent="there is no index"),
    rare_clause("x_IndexFloor", "ratio", "Collar: least ratio of an indexed price to the unit price."),
    rare_clause("x_IndexCap", "ratio", "Collar: largest ratio of an indexed price to the unit price.", POSITIVE),
    rare_clause(
        "ContractCommitmentPaymentUpfrontPercentage",
        "share",
        "Share of all that is committed that is paid at the start; what then falls due is taken from it first. FOCUS states a share.",
        SHARE,
    ),
    number(
        "x_PrepaidBalance",
        "contract currency",
        "Of a contract in force: what is left of its prepayment at the calendar's start, all lots together.",
        AMOUNT,
        absent="what the upfront share has left by then",
    ),
    rare_clause(
        "ContractCommitmentDiscountPercentage",
        "share",
        "Share of the list price that the unit price is below it. FOCUS states a share.",
        Bounds(at_least=0, below=1),
    ),
    rare_clause(
        "x_DiscountClawbackShare", "share", "Share of the discount received on what was committed that is paid back on leaving.", SHARE
    ),
    text(
        "x_MinimumMeasuredAt",
        "Prices at which spend counts towards the minimum: net of the discount, or at list.",
        allowed=("net", "list"),
        absent="net",
    ),
    rare_clause("x_OtherSpendCap", "share", "Most of a minimum that eligible other spend may cover.", SHARE),
    number(
        "x_SpentSoFar",
        "contract currency",
        "Of a contract in force: spend that counts towards the minimum in progress, up to the calendar's start, all lots together.",
        AMOUNT,
        absent="what actuals hold, if every month of the interval is there; else its part of the minimum, on schedule",
    ),
    day("x_Anniversary", "A day on which a fulfilment interval begins.", absent="the contract's start"),
    text(
        "x_Proration",
        "What an interval cut short by the contract's start or end owes of the minimum: its part by days, all of it, or nothing.",
        allowed=("days", "full", "none"),
        absent="days",
    ),
    text("x_TimeZone", "Time zone of the contract's days, an IANA name.", absent="UTC"),
    rare_clause("x_SupplierNoticeDays", "days", "Notice on which the supplier may leave; none: it may not.", _DAYS),
    text(
        "x_ServiceCredits",
        "none: the supplier credits nothing; given: the rows of contract_credit_steps.",
        allowed=("none", "unknown", "given"),
        absent="none",
    ),
    rare_clause("x_ServiceCreditCap", "share", "Most of the bill that is credited.", SHARE),
    rare_clause("x_BurstShare", "share", "Burst: what may be drawn beyond a lot's capacity, as a share of it."),
    number(
        "x_BurstPrice", "contract currency / unit", "Price of what is drawn as burst.", PRICE_OR_FREE, absent="the contract's own price"
    ),
    rare_clause(
        "x_TrueUpPrice",
        "contract currency / unit",
        "True-up: price of what is drawn beyond the commitment of an interval, settled when it ends; none: the contract's own price.",
        PRICE_OR_FREE,
    ),
    rare_clause(
        "x_RenewalMonths", "months", "Option to prolong the term, for the lots still held when it ends.", Bounds(above=0, at_most=1200)
    ),
    number("x_RenewalPrice", "contract currency / unit", "Unit price of the prolonged term.", PRICE_OR_FREE, absent="the price stays"),
    day("x_RenewBy", "Last day on which the option can be exercised.", absent="any day before the term ends"),
    Column(
        name="x_UnreadClauses",
        kind=Kind.LIST,
        allowed=UNREAD_CLAUSES,
        meaning="Clauses that have rows of their own, or a text, and that nobody has read: that there are none of these says nothing.",
        absent="all of them have been read",
    ),
    text("x_OptionGroup", "Alternatives: at most one contract of a group is signed.", absent="the quote stands alone"),
    number("x_TerminalUseShare", "share", "Share of what is committed beyond the calendar that will be of use.", SHARE, absent="0"),
)

CONTRACT_TABLES: tuple[Table, ...] = (
    _CONTRACTS,
    table(
        "contract_pools",
        "Pools that a contract covers; its capacity is fungible across them. A plan refuses a contract without any.",
        _contract(),
        text("pool", "Pool covered; it must be the contract's supplier's.", key=True, refers_to="pools"),
    ),
    table(
        "contract_ramp_steps",
        "Steps by which a lot's capacity, and possibly its price, changes within the term.",
        _contract(),
        day("start", "Day from which the step holds.", key=True),
        number("accelerators_per_lot", "accelerators", "Capacity of one lot from that day on.", NOT_NEGATIVE),
        number("unit_price", "contract currency / unit", "Unit price from that day on.", PRICE_OR_FREE, absent="the price stays"),
        absent="no contract has a ramp",
    ),
    table(
        "contract_tiers",
        "Volume tiers: prices that hold from a quantity on, which all lots of a contract reach together in a fulfilment interval.",
        _contract(),
        number(
            "from_quantity",
            "units / fulfilment interval",
            "Quantity from which the tier's price holds; where only a part of an interval is in force, that part of it.",
            NOT_NEGATIVE,
            key=True,
        ),
        number("unit_price", "contract currency / unit", "Unit price in the tier.", PRICE_OR_FREE),
        text("kind", "all_units: the price of every unit; incremental: of those in the tier.", allowed=("all_units", "incremental")),
        absent="no contract has tiers",
    ),
    table(
        "contract_fee_steps",
        "What leaving a contract costs, by date; before the first step leaving is not possible.",
        _contract(),
        day("start", "Leaving on this day or later, until the next step, costs the fee.", key=True),
        number("fee_per_lot", "contract currency / lot", "Termination fee.", AMOUNT),
        absent="no contract has a fee schedule of its own",
    ),
    table(
        "contract_credit_steps",
        "Service credits: where the availability of the contract's best site is below a step, the share of the bill that is credited.",
        _contract(),
        number("availability_below", "share", "The step holds below this availability.", POSITIVE_SHARE, key=True),
        number("credit_share", "share", "Share of the bill, unit prices and fixed fee, that is credited.", SHARE),
        absent="no contract has service credits",
    ),
    table(
        "contract_deliveries",
        "What becomes of contracts in scenarios: capacity that comes late, suppliers that leave on their notice. What is not delivered "
        "is not paid for; the term is not extended.",
        _contract(),
        text("scenario", "Scenario in which it happens.", key=True, refers_to="scenarios"),
        integer("delay_days", "days", "How much later than agreed comes what is not there on the case's date.", _DAYS),
        day("supplier_exit", "First day on which the supplier has left.", absent="it stays"),
        absent="every contract is delivered as agreed in every scenario",
    ),
    table(
        "contract_balances",
        "What a fulfilment interval brings forward into later ones, one row for each contract that brings anything forward.",
        _contract(),
        text(
            "kind",
            "make_up: paid and not taken; carry_forward: drawn beyond the commitment; rollover: minimum spend not spent.",
            allowed=("make_up", "carry_forward", "rollover"),
        ),
        number("opening", "contract currency", "Balance on the calendar's first day, all lots together.", AMOUNT, absent="0"),
        number("cap", "contract currency", "Most that is brought forward, all lots together.", AMOUNT, absent="no limit"),
        integer("expires_after", "fulfilment intervals", "Intervals in which it may be used.", AT_LEAST_ONE, absent="it does not expire"),
        absent="no contract brings anything forward",
    ),
    table(
        "contract_comparables",
        "Most favoured price: contracts than which a contract must not cost more while they are in force.",
        _contract(),
        text("comparable", "The other contract.", key=True),
        absent="no contract has a most favoured price",
    ),
    table(
        "contract_exclusions",
        "What a contract forbids while it is in force.",
        _contract(),
        text(
            "kind",
            "contract: never in force together; supplier: nothing placed with it; work: it runs with the contract's supplier only.",
            key=True,
            allowed=("contract", "supplier", "work"),
        ),
        text("other", "The contract, the supplier, or the kind of work.", key=True),
        absent="no contract excludes anything",
    ),
    table(
        "clause_register",
        "Clauses without arithmetic, for legal review: assignment and sublease bans, change of control, acceleration, deposits, limits on "
        "competitors' use, rights of first refusal. An audit lists them; no plan prices them.",
        _contract(),
        text("section", "Section of the contract.", key=True),
        text(
            "category",
            "What it is about.",
            allowed=(
                "assignment",
                "sublease",
                "change_of_control",
                "acceleration",
                "deposit",
                "competitor_use",
                "first_refusal",
                "other",
            ),
        ),
        text("text", "The clause, in the contract's words."),
        boolean("blocks_multi_supplier", "Whether it stands in the way of buying from several suppliers."),
        text("owner", "Who reviews it."),
        day("reviewed_on", "Day on which it was last reviewed.", absent="nobody has reviewed it"),
        absent="no clause is registered",
    ),
)
