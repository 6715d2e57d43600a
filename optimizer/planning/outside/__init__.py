"""A plan judged outside the scenarios that it was made for: samples, stress cases, and what knowing more would be worth."""
