"""Recomputes what a plan pays and which rules it keeps; shares nothing with the solvers but the surfaces' needs."""

from optimizer.planning.verify.cost_table import cost_rows
from optimizer.planning.verify.ledger import Entry
from optimizer.planning.verify.verification import Obligation, Verification, agrees, verify

__all__ = ["Entry", "Obligation", "Verification", "agrees", "cost_rows", "verify"]
