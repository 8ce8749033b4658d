"""Faults under load on a real platform: what is acknowledged is kept once, whatever dies."""
