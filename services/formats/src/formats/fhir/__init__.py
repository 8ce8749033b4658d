"""FHIR R4 and nphies: claims out of resources and messages, receipts back into them; pure, no I/O.

Reading is tolerant of codings without a system and of references that resolve to nothing, and strict about
structure. What the claim model has no field for is kept in `extra` with its path and listed in the notes of
the receipt. Narratives (`text`), `meta` beside its profiles, and displays of plain codes are renderings and
not kept; the bytes of an inline attachment are represented by their size and SHA-256.
"""
