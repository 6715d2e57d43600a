"""Suppliers, sites, accelerators, pools: where capacity stands."""

from __future__ import annotations

from optimizer.tables.schema import (
    AT_LEAST_ONE,
    POSITIVE,
    POSITIVE_SHARE,
    PRICE_OR_FREE,
    Bounds,
    Table,
    integer,
    number,
    table,
    text,
)

SUPPLY_TABLES: tuple[Table, ...] = (
    table(
        "suppliers",
        "Who supplies accelerators.",
        text("supplier", "Name of the supplier.", key=True),
        text("kind", "What kind of supplier it is.", allowed=("hyperscaler", "gpu_cloud", "owned", "edge", "satellite")),
        may_be_empty=False,
    ),
    table(
        "sites",
        "Where a supplier's accelerators stand.",
        text("site", "Name of the site.", key=True),
        text("supplier", "Supplier that runs the site.", refers_to="suppliers"),
        number("latitude_deg", "degrees north", "Latitude of the site.", Bounds(at_least=-90, at_most=90)),
        number("longitude_deg", "degrees east", "Longitude of the site.", Bounds(at_least=-180, at_most=180)),
        text("jurisdiction", "Whose law holds at the site; residency rules of workloads name these.", without=";"),
        text("access", "How the site's traffic reaches users.", allowed=("fibre", "satellite_relay", "orbital")),
        number("availability_share", "share", "Share of accelerators drawn that work.", POSITIVE_SHARE),
        number("bandwidth_gb_per_s", "GB / s", "Most traffic between the site and users.", POSITIVE, absent="no limit"),
        number("egress_usd_per_gb", "USD / GB", "Price of data sent out of the site.", PRICE_OR_FREE),
        may_be_empty=False,
    ),
    table(
        "accelerators",
        "Rated figures of one accelerator (dense arithmetic). Shipped; a case's own rows are added or replace a row of the same name.",
        text("accelerator", "Name of the accelerator.", key=True, without=";"),
        number("bf16_tflops", "TFLOP / s", "Dense BF16 rate.", POSITIVE),
        number("fp8_tflops", "TFLOP / s", "Dense FP8 rate.", POSITIVE, absent="FP8 is not supported"),
        number("fp4_tflops", "TFLOP / s", "Dense FP4 rate.", POSITIVE, absent="FP4 is not supported"),
        number("hbm_gb", "GB", "Memory.", POSITIVE),
        number("hbm_tb_per_s", "TB / s", "Memory bandwidth.", POSITIVE),
        number("link_gb_per_s", "GB / s", "Bandwidth to other accelerators of its high-bandwidth domain.", POSITIVE),
        integer("max_parallel", "accelerators", "Accelerators in one high-bandwidth domain.", AT_LEAST_ONE),
        number("power_w", "W", "Rated power.", POSITIVE, absent="not published; no equation uses it yet"),
        reference=True,
    ),
    table(
        "pools",
        "One accelerator type at one site; capacity within a pool is fungible.",
        text("pool", "Name of the pool.", key=True),
        text("site", "Site at which the pool stands.", refers_to="sites"),
        text("accelerator", "Accelerator type of the pool.", refers_to="accelerators"),
        may_be_empty=False,
    ),
)
