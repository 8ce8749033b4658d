"""What the gateway knows by itself: names, roles, and the shapes it passes on; no transport, no stub."""
