"""The system of record; the only holder of data credentials."""
