"""The history of the schema: linear, expand first and contract a release later."""

HEAD = "0008"  # the newest revision, known without loading the migration tool; a test compares
