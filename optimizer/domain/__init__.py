"""What a planner talks about: frozen nouns, no files, no solvers, no pandas.

Axes, one letter each, everywhere: `L` loads, `R` training runs, `N` eligible (load, pool) pairs, `G` training
options, `P` pools, `T` periods, `B` blocks, `S` scenarios, `K` contracts, `O` market offers.
"""
