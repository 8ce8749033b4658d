"""The in-memory twin of each port; the same contract suite runs over it and over PostgreSQL."""
