"""The only room that knows HTTP: authenticate, frame, forward, answer."""
