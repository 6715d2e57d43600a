"""Prices of capacity and the bound that they prove: pure JAX, arrays in, arrays out.

`ascent.price` finds multipliers, `bound.bound` certifies the value that any multipliers give. docs/problem.md has the equations.
"""
