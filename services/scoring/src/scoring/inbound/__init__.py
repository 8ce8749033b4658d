"""The door of the scoring room: convert, call, convert."""
