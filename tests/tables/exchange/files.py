"""Files of other programs, written by hand from the published column lists. All names and figures are made up."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from optimizer.tables.exchange.imports import Imported, import_file
from optimizer.tables.exchange.reading import Request

# FOCUS 1.3, Contract Commitment: the 13 columns of the specification.
FOCUS_1_3 = """\
BillingCurrency,ContractCommitmentCategory,ContractCommitmentCost,ContractCommitmentDescription,ContractCommitmentId,\
ContractCommitmentPeriodEnd,ContractCommitmentPeriodStart,ContractCommitmentQuantity,ContractCommitmentType,\
ContractCommitmentUnit,ContractId,ContractPeriodEnd,ContractPeriodStart
USD,Spend,3000000,three-year pool,pool-2027,2030-01-01T00:00:00Z,2027-01-01T00:00:00Z,,Enterprise Agreement,,agreement-7,\
2030-01-01T00:00:00Z,2027-01-01T00:00:00Z
EUR,Usage,,reserved accelerators,gpus-2028,2029-03-01T00:00:00Z,2028-03-01T00:00:00Z,140160,Reservation,GPU-Hours,agreement-7,\
2030-01-01T00:00:00Z,2027-01-01T00:00:00Z
"""

# FOCUS 1.4, Contract Commitment: the 30 columns of the specification.
FOCUS_1_4_ROW = {
    "BillingCurrency": "USD",
    "ContractCommitmentApplicability": '{"IsGlobalScope": true}',
    "ContractCommitmentBenefitCategory": "Discount",
    "ContractCommitmentCategory": "Spend",
    "ContractCommitmentCost": "925000.00",
    "ContractCommitmentCreated": "2027-12-01T09:00:00Z",
    "ContractCommitmentDescription": "pool for three years",
    "ContractCommitmentDiscountPercentage": "0.15",
    "ContractCommitmentDurationType": "3 Years",
    "ContractCommitmentFulfillmentInterval": "Full Period",
    "ContractCommitmentId": "spend-001",
    "ContractCommitmentLastUpdated": "2027-12-15T10:00:00Z",
    "ContractCommitmentLifecycleStatus": "Active",
    "ContractCommitmentModel": "Discontinuous",
    "ContractCommitmentOfferCategory": "Negotiated",
    "ContractCommitmentPaymentInterval": "Monthly",
    "ContractCommitmentPaymentModel": "No Upfront",
    "ContractCommitmentPaymentUpfrontPercentage": "0.0",
    "ContractCommitmentPeriodEnd": "2030-12-01T00:00:00Z",
    "ContractCommitmentPeriodStart": "2027-12-01T00:00:00Z",
    "ContractCommitmentQuantity": "",
    "ContractCommitmentType": "Enterprise Agreement",
    "ContractCommitmentUnit": "",
    "ContractId": "agreement-9",
    "ContractPeriodEnd": "2030-12-01T00:00:00Z",
    "ContractPeriodStart": "2027-12-01T00:00:00Z",
    "InvoiceIssuerName": "north",
    "PricingCurrency": "USD",
    "PricingCurrencyContractCommitmentCost": "925000.00",
    "ServiceProviderName": "north",
}

FOCUS_1_4_COLUMNS = tuple(FOCUS_1_4_ROW)

# FOCUS Cost and Usage: the columns that burn-down needs, and a few that are mandatory.
COSTS_COLUMNS = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ContractApplied", "ResourceId", "ServiceProviderName"),
)

# SkyPilot catalogue: one cloud a file.
SKYPILOT = """\
InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone
big8,Chip,8.0,96,1024,"{'Gpus': [{'Name': 'Chip', 'Count': 8}]}",40.00,16.0,eu-1,eu-1a
big8,Chip,8.0,96,1024,,40.00,12.8,eu-1,eu-1b
small1,Chip,1.0,12,128,,4.40,,eu-1,eu-1a
plain,,,8,32,,0.40,0.10,eu-1,eu-1a
odd,Mystery,1.0,8,32,,1.00,,eu-1,eu-1a
far,Chip,8.0,96,1024,,41.00,,eu-9,eu-9a
free,Chip,8.0,96,1024,,0.00,0.00,eu-1,eu-1a
dear,Chip,8.0,96,1024,,80000,,eu-1,eu-1a
blank,Chip,8.0,96,1024,,,,eu-1,eu-1a
"""

# gpuhunt catalogue: one provider a file.
GPUHUNT = """\
instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags
i8,eu-1,32.0,96,1024.0,8,Chip,80.0,False,,nvidia,
i8,eu-1,8.0,96,1024.0,8,Chip,80.0,True,,nvidia,
i1,eu-1,3.0,8,64.0,1,Chip,40.0,False,,nvidia,
c1,eu-1,0.1,8,64.0,0,,,False,,,
x1,eu-1,-3.0,8,64.0,8,Chip,80.0,False,,nvidia,
y1,eu-1,3.0,8,64.0,8,Chip,80.0,perhaps,,nvidia,
"""

AWS_PRICES = """\
region,instance_type,usd_per_hour
us-east-1,p5.48xlarge,55.04
us-east-1,p5.4xlarge,6.88
us-east-1,g6f.large,0.202
us-east-1,p9.48xlarge,99
us-east-1,p4d.24xlarge,0
us-west-2,p5.48xlarge,-1
us-west-2,p5en.48xlarge,sixty
us-west-2,p4de.24xlarge,1e9
us-west-2,p6-b200.48xlarge,113.9328
"""

AZURE_PRICES = """\
region,vm_size,usd_per_hour
westus3,Standard_ND96isr_H200_v5,84.8
westus3,Standard_ND96is_H100_v5,98.32
westus3,Standard_ND96isr_H100_v5,96
westus3,Standard_NV6ads_A10_v5,0.454
"""

PRICE_HISTORY = """\
timestamp,instance,price_usd
2027-04-23T18:52:57,p5.48xlarge,98.32
2027-04-23T19:41:48,p5.48xlarge,96.00
2027-06-05T07:22:36,p5.48xlarge,55.04
2027-04-01,p5.48xlarge,
yesterday,p5.48xlarge,55.04
"""

MARKETPLACE = """\
date,accelerator,provider,min_usd_per_gpu_hour,avg_usd_per_gpu_hour,listings
2027-10-19,H100,hyperstack,2.4,2.4,1
2027-10-19,A100-80GB,roan,1.49,1.8,19
2027-10-19,A100-80GB,roan,1.49,1.8,19
2027-10-19,Mystery,roan,1,1,1
2027-10-20,H100,roan,0,2.07,19
"""


def focus_1_4(*changes: Mapping[str, str]) -> str:
    """A file with one row for each set of changed cells."""
    return table(FOCUS_1_4_COLUMNS, [FOCUS_1_4_ROW | change for change in changes])


def charge(
    first: str, until: str, *elements: Mapping[str, object], bill: str = "2028-01-01", currency: str = "EUR", **cells: str
) -> dict[str, str]:
    """A row of Cost and Usage."""
    applied = json.dumps({"Elements": list(elements)}) if elements else ""
    row = {
        "BillingCurrency": currency,
        "BillingPeriodStart": f"{bill}T00:00:00Z",
        "ChargePeriodStart": first,
        "ChargePeriodEnd": until,
        "ContractApplied": applied,
        "ChargeCategory": "Usage",
    }
    return row | cells


def costs(*rows: Mapping[str, str]) -> str:
    return table(COSTS_COLUMNS, rows)


def table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    lines = [",".join(columns), *(",".join(_quoted(row.get(name, "")) for name in columns) for row in rows)]
    return "\n".join([*lines, ""])


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in ',"\n') else cell


def imported(case: Path, kind: str, content: str | bytes, **request: object) -> Imported:
    """What importing the content would do to the case."""
    file = case.parent / f"{kind}.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_file(case, kind, file, Request(**request))  # type: ignore[arg-type]


def rows_of(found: Imported, name: str) -> list[dict[str, str]]:
    """All rows of a table as they would be; of one that does not change, none."""
    if name not in found.changes:
        return []
    cells = found.changes[name].cells
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def reasons(found: Imported) -> list[tuple[int, str]]:
    return [(entry.row, entry.reason) for entry in found.not_taken]


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
