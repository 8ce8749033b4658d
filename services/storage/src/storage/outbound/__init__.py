"""PostgreSQL, the object store and the embedded server behind the ports."""
