"""What storage knows without any tool: ids, chains, Merkle trees, months, cursors, and the shape of a batch."""
