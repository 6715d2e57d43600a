"""Pages and what they show; nothing here reads or solves."""
