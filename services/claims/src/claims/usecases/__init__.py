"""What the claims room does, one verb per file; knows ports and domain, no door and no wire."""
