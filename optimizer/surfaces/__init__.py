"""What hardware, networks and queues do, as pure functions of arrays. No files, no labels, no pandas.

Kernels are written for any floating-point type and any batch shape, and can be compiled, mapped and differentiated.
"""
