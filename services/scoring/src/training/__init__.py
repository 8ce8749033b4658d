"""Offline training and evaluation; shares the features of the serving room, is never imported by it."""
