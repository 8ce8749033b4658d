"""The one part of the command line that sees the services: every other works through it.

Heavy rooms are imported where they are needed: `ultrathink token` must not wait for a model library.
"""
