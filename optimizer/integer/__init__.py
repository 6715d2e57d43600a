"""The exact model, built as arrays and solved through MathOpt: the only OR-Tools.

`model.build_program` reads as the model's table of contents; docs/problem.md has the equations.
"""
