"""What the scoring room reaches outside: bundle files, and what serves their forests."""
