"""Columns of the FOCUS data sets, as the specification of each version lists them, and its words."""

from __future__ import annotations

COMMITMENT_1_3 = (
    "BillingCurrency",
    "ContractCommitmentCategory",
    "ContractCommitmentCost",
    "ContractCommitmentDescription",
    "ContractCommitmentId",
    "ContractCommitmentPeriodEnd",
    "ContractCommitmentPeriodStart",
    "ContractCommitmentQuantity",
    "ContractCommitmentType",
    "ContractCommitmentUnit",
    "ContractId",
    "ContractPeriodEnd",
    "ContractPeriodStart",
)

COMMITMENT_1_4 = (
    "BillingCurrency",
    "ContractCommitmentApplicability",
    "ContractCommitmentBenefitCategory",
    "ContractCommitmentCategory",
    "ContractCommitmentCost",
    "ContractCommitmentCreated",
    "ContractCommitmentDescription",
    "ContractCommitmentDiscountPercentage",
    "ContractCommitmentDurationType",
    "ContractCommitmentFulfillmentInterval",
    "ContractCommitmentId",
    "ContractCommitmentLastUpdated",
    "ContractCommitmentLifecycleStatus",
    "ContractCommitmentModel",
    "ContractCommitmentOfferCategory",
    "ContractCommitmentPaymentInterval",
    "ContractCommitmentPaymentModel",
    "ContractCommitmentPaymentUpfrontPercentage",
    "ContractCommitmentPeriodEnd",
    "ContractCommitmentPeriodStart",
    "ContractCommitmentQuantity",
    "ContractCommitmentType",
    "ContractCommitmentUnit",
    "ContractId",
    "ContractPeriodEnd",
    "ContractPeriodStart",
    "InvoiceIssuerName",
    "PricingCurrency",
    "PricingCurrencyContractCommitmentCost",
    "ServiceProviderName",
)
CONDITIONAL_1_4 = ("ContractCommitmentPaymentUpfrontPercentage", "PricingCurrency", "PricingCurrencyContractCommitmentCost")
"""Columns that an export of version 1.4 may lack."""

# The columns of Cost and Usage that are mandatory in both versions, and the one that burn-down reads.
COSTS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractApplied",
    "ContractedCost",
    "EffectiveCost",
    "HostProviderName",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
)
COSTS_1_3_ONLY = ("ProviderName", "PublisherName")
"""Deprecated in version 1.3, gone in 1.4."""

STATUSES = ("Proposed", "Pending", "Active", "Exhausted", "Expired", "Canceled", "Superseded")

INTERVALS = {
    "Hourly": "hour",
    "Daily": "day",
    "Weekly": "week",
    "Monthly": "month",
    "Quarterly": "quarter",
    "Semi-Annual": "half_year",
    "Annual": "year",
    "Full Period": "term",
    "Transactional": "unknown",
    "Custom": "unknown",
}
"""x_FulfillmentInterval by FOCUS word; those that contracts does not know are unknown there."""

UNITS = {"hours": "accelerator-hour", "months": "accelerator-month"}
"""Ends of a unit such as GPU-Hours, by which ContractCommitmentUnit is known if it counts accelerators."""
COUNTED = ("accelerator", "gpu", "tpu", "chip")


def x_column(name: str) -> str:
    """A column that FOCUS does not have. Example: source_kind is x_SourceKind, x_Lots stays."""
    return name if name.startswith("x_") else "x_" + "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def unit_of(text: str) -> str:
    """Example: GPU-Hours and accelerator-hour are accelerator-hour, Seats is unknown."""
    words = text.lower().replace("-", " ").replace("_", " ").split()
    if len(words) != 2 or words[0].rstrip("s") not in COUNTED:
        return "unknown"
    return UNITS.get(words[1].rstrip("s") + "s", "unknown")
