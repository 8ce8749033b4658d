"""Generated stubs of the contracts in protos/ultrathink; regenerate with `make gen`."""
