"""What contracts lock in: whole terms, exits, shortfalls, market, concentration, decisions, and what clauses cost."""
