"""Demand that may turn out in many ways, and the few of them that stand for all (JAX)."""
