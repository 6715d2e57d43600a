"""What files of other programs need and bring: names of regions, accelerators and machines, FOCUS columns, actual charges."""

from __future__ import annotations

from optimizer.tables.schema import CHARGE_OR_CREDIT, POSITIVE, Column, Table, day, number, table, text

_NOT_STATED = "not stated"


def _stated(name: str, meaning: str) -> Column:
    return text(name, meaning, absent=_NOT_STATED)


EXCHANGE_TABLES: tuple[Table, ...] = (
    table(
        "regions",
        "Which site a supplier's catalogue means by a region; import finds the pool of an offer by it.",
        text("supplier", "Supplier whose region it is.", key=True, refers_to="suppliers"),
        text("region", "Region as the supplier's catalogue writes it.", key=True),
        text("site", "Site of the case.", refers_to="sites"),
        absent="import takes no offers of a catalogue",
    ),
    table(
        "accelerator_names",
        "What catalogues call accelerators. Shipped; a case's own rows are added or replace a row of the same name.",
        text("name", "Name in a catalogue; capitals do not count.", key=True),
        text("accelerator", "Name of the accelerator in price_points and, where it has one, in accelerators."),
        reference=True,
    ),
    table(
        "instance_types",
        "How many accelerators of which kind a machine holds. Shipped; a case's own rows are added or replace a row of the same name.",
        text("instance_type", "Name in price lists and catalogues.", key=True),
        text("accelerator", "Name of the accelerator in price_points and, where it has one, in accelerators."),
        number("accelerators", "accelerators", "Accelerators of the machine; below 1 where it holds a share of one.", POSITIVE),
        reference=True,
    ),
    table(
        "focus_commitments",
        "What a FOCUS export states of a contract and `contracts` has no column for; no plan reads it.",
        text("ContractCommitmentId", "Contract of which it is stated.", key=True, refers_to="contracts"),
        day("ContractPeriodStart", "First day of the agreement.", absent=_NOT_STATED),
        day("ContractPeriodEnd", "First day after the agreement.", absent=_NOT_STATED),
        _stated("ContractCommitmentType", "Supplier's word for the kind of commitment."),
        number("ContractCommitmentCost", "billing currency", "Amount committed to.", CHARGE_OR_CREDIT, absent=_NOT_STATED),
        number("ContractCommitmentQuantity", "ContractCommitmentUnit", "Quantity committed to.", absent=_NOT_STATED),
        _stated("ContractCommitmentUnit", "Supplier's word for the unit of the quantity."),
        _stated("ContractCommitmentFulfillmentInterval", "FOCUS word for the interval."),
        _stated("ContractCommitmentApplicability", "JSON: which charges it covers."),
        _stated("ContractCommitmentBenefitCategory", "Discount, Entitlement, Availability or Other."),
        _stated("ContractCommitmentCreated", "When the record was made."),
        _stated("ContractCommitmentLastUpdated", "When the record was last changed."),
        _stated("ContractCommitmentDurationType", "Length, such as 3 Years."),
        _stated("ContractCommitmentModel", "Continuous or Discontinuous."),
        _stated("ContractCommitmentOfferCategory", "Public or Negotiated."),
        _stated("ContractCommitmentPaymentInterval", "How often it is paid."),
        _stated("ContractCommitmentPaymentModel", "No Upfront, Partial Upfront or All Upfront."),
        _stated("InvoiceIssuerName", "Who sends the invoices."),
        _stated("PricingCurrency", "Currency of the supplier's prices."),
        number(
            "PricingCurrencyContractCommitmentCost",
            "pricing currency",
            "Amount committed to in that currency.",
            CHARGE_OR_CREDIT,
            absent=_NOT_STATED,
        ),
        _stated("ServiceProviderName", "Supplier's own name."),
        absent="no contract came from a FOCUS export",
    ),
    table(
        "actuals",
        "What was charged against contracts, by the month of the bill and the fulfilment interval in which the charge falls. "
        "It says how much of the minimum in progress has been spent when the calendar starts.",
        text("ContractCommitmentId", "Contract to which the charges apply.", key=True, refers_to="contracts"),
        day("billing_period_start", "First day of the bill's month.", key=True),
        day("interval_start", "First day of the fulfilment interval; of the contract, where its interval is unknown.", key=True),
        day("interval_end", "First day after the interval."),
        day("charged_until", "First day after the last charge that is counted."),
        number(
            "applied_cost",
            "contract currency",
            "Charges that count towards the commitment.",
            CHARGE_OR_CREDIT,
            absent="no cost is stated",
        ),
        number("applied_quantity", "unit", "Quantity that counts towards the commitment.", absent="no quantity is stated"),
        text("unit", "Unit of the quantity.", absent="no quantity is stated"),
        absent="nothing has been charged yet, or nobody has imported it",
    ),
)
