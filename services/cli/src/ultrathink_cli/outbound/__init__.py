"""Processes, sockets and files behind the verbs."""
