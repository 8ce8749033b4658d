"""What a user would pick instead, written fairly."""
