"""The columnar form of the rules: numpy over a batch of claims, from the same tree as the scalar form."""
