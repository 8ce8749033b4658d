"""What is true about claims: rules, verdicts, life cycle. No transport, no SQL, no telemetry."""
