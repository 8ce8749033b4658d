"""The gRPC doors: convert, call, convert."""
