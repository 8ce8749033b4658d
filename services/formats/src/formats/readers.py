"""Reading claims of any supported format: one surface over the canonical, CSV and FHIR readers.

Room: formats. Every message of a body is answered, in order, by a claim or by a refusal; one that cannot be
read never stops the others.
"""

import msgspec

from chassis import errors
from formats import canonical, frames, framing, media, model
from formats.fhir import bundles
from formats.fhir import reading as fhir
from formats.tabular import reading as tabular

_RESOURCE_TYPE = "resourceType"


class Read(msgspec.Struct, frozen=True):
    """A claim that was read; `position` is its line, or its place in its bundle; notes for the receipt."""

    claim: model.Claim
    position: int
    notes: tuple[str, ...] = ()
    message: bundles.Message | None = None  # the header of the FHIR message it came in


class Refused(msgspec.Struct, frozen=True):
    """A message that could not be read, and why."""

    position: int
    fault: errors.Invalid


def read(body: bytes, media_type: str) -> list[Read | Refused]:
    """Return what a whole body holds; raise Invalid `media_type.unsupported` for a type we cannot read."""
    framer = framing.framer(media_type)
    found = [*framer.feed(body), *framer.close()]
    return [answer for frame in found for answer in read_frame(frame, media_type)]


def read_frame(frame: frames.Frame, media_type: str) -> list[Read | Refused]:
    """Return what one frame holds: one answer, or one per claim of a FHIR bundle."""
    if frame.fault is not None:
        return [Refused(frame.position, frame.fault)]
    essence = media.essence(media_type)
    try:
        if essence == media.CSV:
            claim = canonical.validate(tabular.read(frame.body))
            return [Read(canonical.identified(claim), frame.position)]
        if essence == media.ARROW:
            return _records(frame)
        if essence in {media.FHIR, media.FHIR_NDJSON}:
            return _bundle(frame, one_position=essence == media.FHIR_NDJSON)
        return _json(frame, one_position=essence == media.NDJSON)
    except errors.Invalid as fault:
        return [Refused(frame.position, fault)]


def detect(name: str, head: bytes) -> str:
    """Return the media type of a file from its name and first bytes; see `media.detect`."""
    return media.detect(name, head)


def _records(frame: frames.Frame) -> list[Read | Refused]:
    from formats.arrow import reading as arrow  # noqa: PLC0415 - see framing

    return [
        Refused(position, found) if isinstance(found, errors.Invalid) else Read(found, position)
        for position, found in enumerate(arrow.read(frame), start=frame.position)
    ]


def _json(frame: frames.Frame, *, one_position: bool) -> list[Read | Refused]:
    try:
        return [Read(canonical.decode(frame.body), frame.position)]
    except errors.Invalid as fault:
        if any(violation.path == _RESOURCE_TYPE for violation in fault.violations):
            return _bundle(frame, one_position=one_position)
        raise


def _bundle(frame: frames.Frame, *, one_position: bool) -> list[Read | Refused]:
    answers: list[Read | Refused] = []
    for number, found in enumerate(fhir.read(frame.body), start=1):
        position = frame.position if one_position else number
        if isinstance(found, errors.Invalid):
            answers.append(Refused(position, found))
        else:
            answers.append(Read(found.claim, position, found.notes, found.message))
    return answers
