"""What the gateway decides itself: who comes in, and whether it is ready."""
