"""Rules as data: a written subset of SQL, checked against the claim schema and compiled by an allow-list."""
