"""What storage knows without any tool.

Ids, chains, Merkle trees, months, cursors, and the shape of a batch.
"""
