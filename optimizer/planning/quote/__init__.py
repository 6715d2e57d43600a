"""What a contract on offer, or a market offer not used today, is worth: at which price and volume it pays, and what to negotiate."""
