"""What a person can ask of the pseudo-payer."""
