"""A reliability curve as a small SVG: what was forecast against what came true, drawn without a library.

The same figures give the same bytes. Points are bins of equal count; their areas are not to scale.
"""

from collections.abc import Mapping, Sequence

SIZE, MARGIN = 320, 44
COLOURS = ("#0b6e99", "#b3541e", "#4b7f2b")
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability(title: str, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Return the picture of named curves, each a list of bins with `forecast` and `rate` in 0…1."""
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img" '
            f'font-family="sans-serif" font-size="10"><title>{_escaped(title)}</title>'
        ),
        f'<rect width="{SIZE}" height="{SIZE}" fill="#ffffff"/>',
        f'<text x="{SIZE / 2:g}" y="16" text-anchor="middle" font-size="12">{_escaped(title)}</text>',
        *_axes(),
    ]
    for number, (name, bins) in enumerate(curves.items()):
        parts += _curve(name, bins, COLOURS[number % len(COLOURS)], number)
    return "\n".join([*parts, "</svg>\n"])


def _axes() -> list[str]:
    """Return frame, ticks, labels and the diagonal on which a perfect forecast lies."""
    low, high = _place(0.0), _place(1.0)
    parts = [
        f'<path d="M{low} {_down(0)}L{high} {_down(0)}M{low} {_down(0)}L{low} {_down(1)}" stroke="#444444"/>',
        f'<path d="M{low} {_down(0)}L{high} {_down(1)}" stroke="#999999" stroke-dasharray="4 4"/>',
        f'<text x="{SIZE / 2:g}" y="{SIZE - 8}" text-anchor="middle">forecast</text>',
        (
            f'<text x="12" y="{SIZE / 2:g}" text-anchor="middle" '
            f'transform="rotate(-90 12 {SIZE / 2:g})">came true</text>'
        ),
    ]
    for tick in TICKS:
        parts.append(f'<text x="{_place(tick)}" y="{SIZE - 26}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{MARGIN - 6}" y="{_down(tick)}" text-anchor="end">{tick:g}</text>')
    return parts


def _curve(name: str, bins: Sequence[Mapping[str, float]], colour: str, number: int) -> list[str]:
    """Return one curve: its line, its points, its name in the upper left."""
    points = [(_place(one["forecast"]), _down(one["rate"])) for one in bins]
    line = " ".join(f"{x},{y}" for x, y in points)
    return [
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
        *(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>' for x, y in points),
        f'<text x="{MARGIN + 8}" y="{MARGIN + 6 + 13 * number}" fill="{colour}">{_escaped(name)}</text>',
    ]


def _place(value: float) -> str:
    """Return how far to the right a share lies."""
    return f"{MARGIN + value * (SIZE - 2 * MARGIN):.1f}"


def _down(value: float) -> str:
    """Return how far down a share lies: 1 is at the top."""
    return f"{SIZE - MARGIN - value * (SIZE - 2 * MARGIN):.1f}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
