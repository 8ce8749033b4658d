"""Extensions: nphies' additions to R4 by their plain names.

Room: formats.fhir. nphies spells some of its URLs with hyphens and some in camel case, and changed a few
between versions; so an extension is known by the last part of its URL, folded to lower case without hyphens.
"""

from formats.fhir import cursors

_PREFIX = "extension"


class Extensions:
    """The extensions of one element; those nobody asks for are kept."""

    def __init__(self, cursor: cursors.Cursor) -> None:
        self._by_name: dict[str, cursors.Cursor] = {}
        self._cursors = cursor.children("extension")
        for extension in self._cursors:
            url = extension.peek("url")
            if isinstance(url, str):
                self._by_name.setdefault(folded(url), extension)
            else:
                extension.refuse("url", "field.missing", "An extension needs its url.")

    def find(self, *names: str) -> cursors.Cursor | None:
        """Return the extension of the first of these folded names that is there."""
        for name in names:
            if name in self._by_name:
                extension = self._by_name[name]
                extension.take("url")
                return extension
        return None

    def boolean(self, *names: str) -> bool | None:
        """Return the valueBoolean of an extension."""
        found = self.find(*names)
        return found.boolean("valueBoolean") if found else None

    def text(self, *names: str) -> str | None:
        """Return the value of an extension as text: string, code, or identifier value."""
        found = self.find(*names)
        if found is None:
            return None
        identity = found.child("valueIdentifier")
        if identity is not None:
            return identity.text("value")
        for kind in ("valueString", "valueCode", "valueId", "valueUri"):
            value = found.text(kind)
            if value is not None:
                return value
        return None

    def when(self, *names: str) -> str | None:
        """Return the date of an extension."""
        found = self.find(*names)
        if found is None:
            return None
        return found.when("valueDateTime") or found.when("valueDate")


def folded(url: str) -> str:
    """Return the plain name of an extension's URL: `…/extension-patient-share` is `patientshare`."""
    tail = url.rstrip("/").rsplit("/", 1)[-1].split("|", 1)[0].lower().replace("-", "")
    return tail.removeprefix(_PREFIX)
