"""The command ultrathink: composes the rooms for a person."""
