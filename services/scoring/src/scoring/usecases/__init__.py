"""What one can ask of the scoring room, one public verb per file."""
