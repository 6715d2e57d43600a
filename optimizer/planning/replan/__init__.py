"""The nightly plan: from what runs and the last plan to the next one, and what changed in money."""
