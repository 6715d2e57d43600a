"""What is measured: speed, quality and accuracy, on data that nobody here wrote. `python -m benchmarks --help` lists the suites."""
