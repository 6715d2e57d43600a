"""Run directories: what a run was given and what it found, whole or not there at all."""
