"""What other programs write, read into a case's tables; and a case's contracts and costs written for them."""
