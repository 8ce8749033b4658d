"""Columns about the message a claim came in: of its Bundle and its MessageHeader, where it came in one.

Room: domain; part of the table in schema.py. A claim that came by itself, as CSV or as JSON, lacks them.
"""

from claims.domain.rules import tree, vocabulary

_MESSAGE = "x.source.message"


def _column(name: str, kind: tree.Kind, meaning: str) -> vocabulary.Field:
    listed = kind is tree.Kind.TEXTS
    there = f"(x.source and {_MESSAGE} and {_MESSAGE}.{name})"
    return vocabulary.Field(
        f"message_{name}",
        kind,
        meaning,
        path=f"source.message.{name}",
        source=f"({there} or [])" if listed else there,
        nullable=not listed,
    )


COLUMNS = (
    _column("bundle_type", tree.Kind.TEXT, "type of the Bundle: message …"),
    _column("bundle_id", tree.Kind.TEXT, "id of the Bundle"),
    _column("header_id", tree.Kind.TEXT, "id of the MessageHeader"),
    _column("event", tree.Kind.TEXT, "event of the message: claim-request, priorauth-request …"),
    _column("sender", tree.Kind.TEXT, "licence of the sender"),
    _column("sender_system", tree.Kind.TEXT, "who gave the sender's licence"),
    _column("receiver", tree.Kind.TEXT, "licence of the receiver"),
    _column("receiver_system", tree.Kind.TEXT, "who gave the receiver's licence"),
    _column("endpoint", tree.Kind.TEXT, "address the message is sent to"),
    _column("focus", tree.Kind.TEXTS, "references of the header to what the message is about"),
    _column("unresolved", tree.Kind.TEXTS, "elements whose reference leads to nothing in the message"),
    _column("same_number", tree.Kind.INT, "claims of the message with this claim's number, itself included"),
    _column("size", tree.Kind.INT, "bytes of the whole message"),
)
