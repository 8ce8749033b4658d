"""What the message around a claim says of itself; part of the claim model's `source`.

Room: formats. `model` names it again; other rooms look there. It tells how a claim came, not what is claimed,
so it is not part of the claim's content.
"""

import msgspec


class Envelope(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """The Bundle and MessageHeader a claim came in, as far as rules ask about them."""

    bundle_type: str | None = None
    bundle_id: str | None = None
    header_id: str | None = None
    event: str | None = None
    sender: str | None = None
    sender_system: str | None = None
    receiver: str | None = None
    receiver_system: str | None = None
    endpoint: str | None = None  # of the destination
    focus: list[str] = []  # references of the header, as sent
    unresolved: list[str] = []  # elements whose reference leads to nothing in the message
    same_number: int | None = None  # claims of this message that carry the claim's number, itself included
    size: int | None = None  # bytes of the whole message
