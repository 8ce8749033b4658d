"""Claims and decisions as CSV: columns, cutting, reading, writing; pure, no I/O.

One row per line of a claim; the rows of a claim are adjacent and share its `claim_id` (a row without one is a
claim of its own). Columns are dotted canonical names. Columns of the claim are repeated in each of its rows,
or empty after the first. A list is written in one cell with `|` between its entries, a list inside such an
entry with `+`; a backslash takes the meaning from `|`, `+` and itself. Columns of the same list belong
together by position, and `sequence` counts from 1 where it is not given. An empty cell is a missing value.
"""
