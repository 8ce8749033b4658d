"""Choosing the framer of a media type: NDJSON lines, CSV claims, Arrow batches, whole documents.

Room: formats; see `frames` for what a framer promises.
"""

from formats import frames, media
from formats.tabular import framing as tabular

type Frame = frames.Frame
type Framer = frames.Framer


def framer(media_type: str) -> frames.Framer:
    """Return a new framer for a media type; raise Invalid `media_type.unsupported` for one we cannot read."""
    essence = media.essence(media_type)
    if essence in {media.NDJSON, media.FHIR_NDJSON}:
        return frames.LineFramer()
    if essence == media.CSV:
        return tabular.ClaimFramer()
    if essence in {media.JSON, media.FHIR}:
        return frames.WholeFramer()
    if essence == media.ARROW:
        from formats.arrow import framing as arrow  # noqa: PLC0415 - a third of a second, for who sends Arrow

        return arrow.BatchFramer()
    raise media.unsupported()
