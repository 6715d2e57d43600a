"""The tables of a case, in the order in which they are documented and checked."""

from __future__ import annotations

from optimizer.tables.schema import Table
from optimizer.tables.schemas.contracts import CONTRACT_TABLES
from optimizer.tables.schemas.exchange import EXCHANGE_TABLES
from optimizer.tables.schemas.market import MARKET_TABLES
from optimizer.tables.schemas.rules import RULE_TABLES
from optimizer.tables.schemas.supply import SUPPLY_TABLES
from optimizer.tables.schemas.time import TIME_TABLES
from optimizer.tables.schemas.work import WORK_TABLES

TABLES: tuple[Table, ...] = (
    *TIME_TABLES,
    *SUPPLY_TABLES,
    *MARKET_TABLES,
    *CONTRACT_TABLES,
    *WORK_TABLES,
    *RULE_TABLES,
    *EXCHANGE_TABLES,
)

TABLE_BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
