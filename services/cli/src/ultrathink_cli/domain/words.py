"""Counts as people read them."""


def counted(number: int, word: str, plural: str = "") -> str:
    """Return `1 rule`, `2 rules`; `plural` where an s does not do."""
    return f"{number:,} {word if number == 1 else plural or f'{word}s'}"
