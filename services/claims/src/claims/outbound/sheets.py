"""A batch on its way into the record, laid out before it is decided; what hangs on scores is filled in."""

from collections.abc import Sequence
from typing import Any

from claims import ports
from claims.outbound import columns
from formats import hashing
from ultrathink.storage.v1 import storage_pb2


class Sheet:
    """A request to record these claims, all but their decisions; good for one filling."""

    __slots__ = ("_request", "_size")

    def __init__(self, drafts: Sequence[ports.Draft]) -> None:
        # Columns as dictionaries are written where they are sent from; messages would be copied there.
        told: dict[str, Any] = {
            "claims": columns.claims(drafts),
            "lines": columns.lines(drafts),
            "findings": storage_pb2.FindingColumns(),
            "history": columns.history(drafts),
        }
        self._request = storage_pb2.RecordRequest(**told)
        self._size = len(drafts)
        for draft in drafts:
            _file(draft, self._request)

    def __len__(self) -> int:
        return self._size

    def fill(self, items: Sequence[ports.Submission]) -> storage_pb2.RecordRequest:
        """Return the request with the decisions on these claims, in their order; contexts are still empty."""
        request, self._size = self._request, 0
        _extend(request.claims, columns.decided(items))
        _extend(request.lines, columns.scored(items))
        _extend(request.findings, columns.findings(items))
        for wired, item in zip(request.items, items, strict=True):
            wired.decision_json = item.document
        return request


def _extend(message: Any, told: columns.Columns) -> None:
    for name, values in told.items():
        getattr(message, name).extend(values)


def _file(draft: ports.Draft, request: storage_pb2.RecordRequest) -> None:
    differs = draft.body != draft.claim_json
    request.items.add(
        natural_key=hashing.natural_key(draft.claim),
        content_hash=draft.content_hash,
        claim_json=draft.claim_json,
        received_body=draft.body if differs else b"",
        received_media_type=draft.media_type if differs and draft.body else "",
    )
