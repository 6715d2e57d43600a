"""One module for each suite: a settings class `Settings`, and `run(settings)`, which yields rows as they are measured."""
