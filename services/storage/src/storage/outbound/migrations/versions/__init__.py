"""One file per revision; the SQL beside it."""
