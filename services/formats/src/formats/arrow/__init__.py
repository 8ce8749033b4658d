"""Claims as an Arrow IPC stream: a record per claim, lists and structs named as in the canonical JSON.

Room: formats.arrow; pure. Only this package knows pyarrow, and it is imported with the first stream: most
processes never see one. A stream is cut into record batches by its envelopes alone (`envelopes`, `framing`),
so that nothing is decoded before its size is known; then columns are checked against the claim model
(`columns`), and rows are read (`reading`).
"""
