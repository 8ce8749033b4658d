"""The claim model and its readers and writers; pure, no I/O."""
