"""The pseudo-payer: generates claims and adjudicates them by rules of its own."""
