"""What is true about running the platform: where files lie, how long to wait. Pure."""
