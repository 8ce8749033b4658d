"""Plumbing without a business word; every service stands on it, it knows none of them."""
