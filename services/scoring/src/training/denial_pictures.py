"""Draws a denial bundle's reliability curve from its stored figures: a picture for the documents.

`python -m training.denial_pictures BUNDLE PICTURE.svg`; the same bundle gives the same bytes.
"""

import json
import sys
from pathlib import Path

from chassis import errors
from training import pictures

TITLE = "Denial of lines (simulated payers)"


def draw(bundle: Path) -> str:
    """Return the lines' curve as served, and of the raw odds; raises NotFound where there are no figures."""
    try:
        lines = json.loads((bundle / "metrics.json").read_text())["judged"]["lines"]
        curves = {"as served": lines["reliability"], "without calibration": lines["reliability_uncalibrated"]}
    except (OSError, KeyError) as error:
        raise errors.NotFound(
            "bundle.figures", f"{bundle.name} holds no figures of a denial model."
        ) from error
    return pictures.reliability(TITLE, curves)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(Path(sys.argv[1])))
