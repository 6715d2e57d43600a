"""What the command line can do: one settings dataclass per config group, one thin module per job."""
