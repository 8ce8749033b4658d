"""Reliability pictures: well-formed, to scale, deterministic, and safe with any name."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from training import pictures

SVG = "{http://www.w3.org/2000/svg}"
SHARES = st.floats(0, 1, allow_nan=False)


def _points(drawn: str) -> list[tuple[float, float]]:
    circles = ET.fromstring(drawn).iter(f"{SVG}circle")  # noqa: S314 - drawn by ourselves a line above
    return [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in circles]


def test_a_perfect_forecast_lies_on_the_diagonal():
    """Rate equal to forecast is as far right as it is up."""
    drawn = pictures.reliability("a", {"b": [{"forecast": 0.25, "rate": 0.25}, {"forecast": 1, "rate": 1}]})
    for across, down in _points(drawn):
        assert across == pictures.SIZE - down


@given(st.lists(st.tuples(SHARES, SHARES), max_size=20), st.text(alphabet=st.characters(codec="ascii")))
def test_every_point_is_inside_the_frame(bins: list[tuple[float, float]], name: str):
    """Whatever the bins and the name, the picture is XML with one point for each bin, none outside."""
    printable = "".join(letter for letter in name if letter.isprintable())
    curve = [{"forecast": one, "rate": two} for one, two in bins]
    points = _points(pictures.reliability(printable, {printable: curve}))
    assert len(points) == len(bins)
    for across, down in points:
        assert pictures.MARGIN <= across <= pictures.SIZE - pictures.MARGIN
        assert pictures.MARGIN <= down <= pictures.SIZE - pictures.MARGIN


def test_the_same_figures_give_the_same_bytes():
    """A picture that is drawn again is not a change."""
    curve = {"one": [{"forecast": 0.1, "rate": 0.2}], "two": [{"forecast": 0.3, "rate": 0.1}]}
    assert pictures.reliability("t", curve) == pictures.reliability("t", dict(curve))
