"""How the future may turn out, and the rules that a planner lays over the market."""

from __future__ import annotations

from optimizer.tables.schema import AMOUNT, POSITIVE, POSITIVE_SHARE, Bounds, Table, day, number, table, text

RULE_TABLES: tuple[Table, ...] = (
    table(
        "scenarios",
        "Ways that demand and market prices may turn out; the probabilities sum to 1.",
        text("scenario", "Name of the scenario.", key=True),
        number("probability", "share", "Its probability.", POSITIVE_SHARE),
        number("demand_quantile", "share", "Quantile of the demand rows that give quantiles.", Bounds(above=0, below=1)),
        absent="one scenario, base, with probability 1 and quantile 0.5",
    ),
    table(
        "scenario_multipliers",
        "Factors by which a scenario multiplies demand or market prices; all that match a row apply.",
        text("scenario", "Scenario in which the factor holds.", key=True, refers_to="scenarios"),
        text("quantity", "What is multiplied.", key=True, allowed=("demand", "price")),
        text("workload", "Workload whose demand it is.", key=True, absent="every workload", refers_to="workloads"),
        text("origin", "Origin whose demand it is.", key=True, absent="every origin", refers_to="origins"),
        text("supplier", "Supplier whose prices they are.", key=True, absent="every supplier", refers_to="suppliers"),
        text("period", "Period in which it holds.", key=True, absent="every period", refers_to="calendar"),
        number("factor", "ratio", "The factor; above 0 for prices.", Bounds(at_least=0, at_most=1e6)),
        absent="scenarios differ by their demand quantile only",
    ),
    table(
        "decision_stages",
        "Days from which scenarios are told apart: exits, renewals and signings decided on or after the day may differ between its groups. "
        "Each day names all scenarios, and parts groups of earlier days.",
        day("decided_on", "First day on which it is known which group it is.", key=True),
        text("scenario", "Scenario.", key=True, refers_to="scenarios"),
        text("group", "Group of scenarios that are not told apart on the day."),
        absent="everything is decided before any scenario is known",
    ),
    table(
        "limits",
        "Limits of a period: budget (USD cash), supplier_share (largest share of accelerator-hours drawn), "
        "fewest_suppliers (with something placed), moves (loads that change pool), site_loss_reserve (share of the loss "
        "of any one site that spare capacity must cover).",
        text(
            "kind",
            "What is limited.",
            key=True,
            allowed=("budget", "supplier_share", "fewest_suppliers", "site_loss_reserve", "moves"),
        ),
        text("supplier", "Supplier limited.", key=True, absent="all together for a budget, each for a share", refers_to="suppliers"),
        text("period", "Period limited.", key=True, absent="each period", refers_to="calendar"),
        number("value", "USD, share or count", "The limit.", AMOUNT),
        absent="no limits",
    ),
    table(
        "allowed_sites",
        "Sites that a model's weights may enter; a model without rows may run anywhere.",
        text("model", "Model restricted.", key=True, refers_to="models"),
        text("site", "Site that its weights may enter.", key=True, refers_to="sites"),
        absent="every model may run anywhere",
    ),
    table(
        "pins",
        "Decisions taken outside the planner.",
        text("subject", "A load, a training run, a workload (all its loads or runs) or a contract.", key=True),
        text("action", "Whether the placement or signing is forced or forbidden.", key=True, allowed=("force", "forbid")),
        text("pool", "Pool that it is forced into or barred from.", key=True, absent="the subject is a contract", refers_to="pools"),
        text("period", "Period in which the pin holds.", key=True, absent="every period", refers_to="calendar"),
        text("reason", "Why."),
        text("owner", "Who decided."),
        day("expires", "Day on which the pin lapses.", absent="it does not lapse"),
        absent="no pins",
    ),
    table(
        "round_trips",
        "Measured round trips; they always win over the network model.",
        text("origin", "Where users are.", key=True, refers_to="origins"),
        text("site", "Where they are served.", key=True, refers_to="sites"),
        number("rtt_ms", "ms", "Round-trip time.", POSITIVE),
        absent="the network model is used",
    ),
)
