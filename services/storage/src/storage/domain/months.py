"""Months as ranges of ids: partitions are cut there."""

from datetime import UTC, datetime


def month_of(ms: int) -> tuple[int, int]:
    """Return (year, month) in UTC of an instant in milliseconds."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.year, moment.month


def following(month: tuple[int, int]) -> tuple[int, int]:
    """Return the month after."""
    year, number = month
    return (year + 1, 1) if number == 12 else (year, number + 1)  # noqa: PLR2004 - December


def start_ms(month: tuple[int, int]) -> int:
    """Return the first millisecond of a month in UTC."""
    return int(datetime(*month, 1, tzinfo=UTC).timestamp() * 1000)
