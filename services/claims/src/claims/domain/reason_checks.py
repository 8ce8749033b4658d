"""What shapes of documents cannot say of reasons: texts in both languages, known targets, windows, remarks.

Room: domain. Everything wrong is noted in the report, with its file, code, place and remedy.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Mapping

from claims.domain import reasons
from claims.domain.rules import documents, packs

type Period = tuple[dt.date, dt.date]

_ARABIC = re.compile(r"[\u0621-\u064a]")


def check(report: packs.Report, book: reasons.Book, walk: str, files: Mapping[reasons.ListName, str]) -> None:
    """Note everything that is wrong with a book; `walk` is the crosswalk's file, `files` the lists'."""
    _Checker(report, book, walk, files).check()


class _Checker:
    """Goes through a book once."""

    def __init__(
        self, report: packs.Report, book: reasons.Book, walk: str, files: Mapping[reasons.ListName, str]
    ) -> None:
        self._report, self._book, self._walk, self._files = report, book, walk, files

    def check(self) -> None:
        """Note everything that is wrong."""
        for found in self._book.lists.values():
            for entry in found.entries:
                self._entry(found.name, entry)
            for code in dict.fromkeys(entry.code for entry in found.entries):
                same = [entry.valid for entry in found.entries if entry.code == code]
                self._windows(f"{self._files[found.name]}: {code}", same)
        for link in self._book.links:
            self._link(link)
        self._preferences()
        for name in self._book.names:
            self._name(name)
        self._complete()

    def _note(self, place: str, code: str, message: str, remedy: str) -> None:
        self._report.add(place, f"reasons.{code}", message, remedy)

    def _entry(self, name: reasons.ListName, entry: reasons.Entry) -> None:
        place = f"{self._files[name]}: {entry.code}"
        for text in filter(None, (entry.label, entry.fix, entry.no_direct)):
            if not _ARABIC.search(text.ar):
                self._note(place, "arabic", "The Arabic text has no Arabic letter.", "Write it in Arabic.")
            if _ARABIC.search(text.en):
                self._note(place, "english", "The English text has Arabic letters.", "Exchange the texts.")
        self._window(place, entry.valid)
        for code in entry.replaced_by:
            self._known(place, name, code)
        for group in filter(None, (entry.group, *entry.groups)):
            self._known(place, "group", group)
        if entry.groups and entry.group not in entry.groups:
            self._note(place, "group", "`group` is not one of `groups`.", "Choose an allowed group.")
        if name == "carc" and entry.group is None:
            self._note(place, "group", "The adjustment has no usual group.", "Add `group`.")

    def _link(self, link: reasons.Link) -> None:
        place = f"{self._walk}: {link.nphies} to {link.carc}"
        self._window(place, link.valid)
        named: tuple[tuple[reasons.ListName, str | None], ...] = (
            ("nphies", link.nphies), ("carc", link.carc), ("rarc", link.rarc), ("group", link.group),
        )  # fmt: skip
        if not all(self._known(place, name, code) for name, code in named if code is not None):
            return
        for name, code in named:
            if code is not None:
                self._lasting(place, name, code, link.valid)
        entry = self._book.entries("carc", link.carc)[-1]
        if entry.needs_remark and link.rarc is None:
            self._note(place, "remark", f"CARC {link.carc} needs a remark.", "Add `rarc`.")
        if link.group and entry.groups and link.group not in entry.groups:
            self._note(
                place, "group", f"CARC {link.carc} does not allow {link.group}.", "Choose another group."
            )

    def _lasting(self, place: str, name: reasons.ListName, code: str, valid: documents.Valid) -> None:
        """A link may not outlive its codes, nor end before they begin."""
        periods = [_period(entry.valid) for entry in self._book.entries(name, code) if not _gone(entry)]
        first, last = _period(valid)
        if not any(start <= last <= end for start, end in periods):
            self._note(
                place,
                "ended",
                f"`{code}` of {name} is not in use to the end of the row.",
                "Set `to`, or use its successor.",
            )
        if not any(first <= end for _, end in periods):
            self._note(
                place, "ended", f"`{code}` of {name} ended before the row begins.", "Use its successor."
            )

    def _preferences(self) -> None:
        """Two rows of one reason and one rank may not hold on the same day."""
        ranks = {(link.nphies, link.prefer) for link in self._book.links}
        for nphies, prefer in sorted(ranks):
            same = [link.valid for link in self._book.links if (link.nphies, link.prefer) == (nphies, prefer)]
            self._windows(f"{self._walk}: {nphies}, prefer {prefer}", same)

    def _name(self, found: reasons.Name) -> None:
        place = f"{self._walk}: names of {found.of} {found.code}"
        self._window(place, found.valid)
        named: tuple[tuple[reasons.ListName, str | None], ...] = (
            (found.of, found.code), ("status", found.status), ("category", found.category),
        )  # fmt: skip
        for name, code in named:
            if code is not None:
                self._known(place, name, code)
        if found.of == "carc" and found.issue is None:
            self._note(place, "issue", "The adjustment has no issue type.", "Add `issue`.")

    def _complete(self) -> None:
        """Every reason leads somewhere or says that it does not; every adjustment has a name."""
        linked = {link.nphies for link in self._book.links}
        for entry in self._book.lists["nphies"].entries:
            place = f"{self._files['nphies']}: {entry.code}"
            if entry.code in linked and entry.no_direct is not None:
                self._note(place, "no_direct", "The reason has a link and says it has none.", "Remove one.")
            if entry.code not in linked and entry.no_direct is None and not _ends(entry):
                self._note(place, "no_link", "The reason has no adjustment.", "Add a link or `no_direct`.")
        for key in sorted({(found.of, found.code) for found in self._book.names}):
            same = [found.valid for found in self._book.names if (found.of, found.code) == key]
            self._windows(f"{self._walk}: names of {key[0]} {key[1]}", same)
        named = {found.code for found in self._book.names if found.of == "carc"}
        for entry in self._book.lists["carc"].entries:
            if entry.code not in named and not _ends(entry):
                self._note(
                    f"{self._walk}: names of carc {entry.code}",
                    "name",
                    "The adjustment is not named.",
                    "Add a row.",
                )

    def _known(self, place: str, name: reasons.ListName, code: str) -> bool:
        known = bool(self._book.entries(name, code))
        if not known:
            self._note(
                place, "unknown", f"`{code}` is not in the list `{name}`.", "Correct it, or add it there."
            )
        return known

    def _window(self, place: str, valid: documents.Valid) -> None:
        first, last = _period(valid)
        if last < first:
            self._note(place, "dates", "`to` is before `from`.", "Exchange the days.")

    def _windows(self, place: str, valids: Iterable[documents.Valid]) -> None:
        periods = sorted(_period(valid) for valid in valids)
        if any(second[0] <= first[1] for first, second in itertools.pairwise(periods)):
            self._note(place, "overlap", "Two rows hold on the same day.", "End one before the other begins.")


def _gone(entry: reasons.Entry) -> bool:
    """Tell whether a code ended on a day that is not known."""
    return entry.ended is not None and entry.valid.to is None


def _ends(entry: reasons.Entry) -> bool:
    """Tell whether a code is ended or will end."""
    return entry.ended is not None or entry.valid.to is not None


def _period(valid: documents.Valid) -> Period:
    return valid.from_ or dt.date.min, valid.to or dt.date.max
