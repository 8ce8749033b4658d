"""What a person can ask for, one verb per file."""
