"""What the scoring room reaches outside: bundle files, and onnxruntime."""
