"""One verb of the system of record per file; they see ports, never SQL or messages."""
