"""What following a policy would have cost: history replayed without look-ahead, billed as it turned out."""
