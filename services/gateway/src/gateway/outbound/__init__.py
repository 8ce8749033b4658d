"""What the gateway asks of others: claims over gRPC, and a verifier of tokens."""
