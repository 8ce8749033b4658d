"""The pseudo-payer: generates claims and adjudicates them by hidden rules of its own; all simulated."""
