"""What the tools found out about rules, as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import text

from ultrathink_cli.domain import words as numbers

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "applies": "applies to", "valid": "valid", "source": "source", "codes": "codes", "message": "message",
        "suggestion": "suggestion", "when": "when", "violation": "violation", "expected": "expected",
        "columns": "reads", "tables": "tables", "fires": "FIRES", "satisfied": "satisfied",
        "not_checked": "not decidable", "not_applicable": "`when` does not hold",
        "misfits": "does not apply to this claim because of", "claim": "claim", "as_of": "as of",
        "no_rows": "the claim has no row of this scope", "declared": "no issue for any day",
        "true": "TRUE", "false": "FALSE", "null": "NULL", "failed": "no result",
        "no_issue": "no issue of the table covers this day", "no_key": "the table has no such key",
        "file": "written in",
    },
    "ar": {
        "applies": "تنطبق على", "valid": "سارية", "source": "المصدر", "codes": "الرموز", "message": "الرسالة",
        "suggestion": "الاقتراح", "when": "متى", "violation": "المخالفة", "expected": "المتوقع",
        "columns": "تقرأ", "tables": "الجداول", "fires": "مخالفة", "satisfied": "مستوفاة",
        "not_checked": "تعذّر البتّ", "not_applicable": "شرط التطبيق غير متحقق",
        "misfits": "لا تنطبق على هذه المطالبة بسبب", "claim": "المطالبة", "as_of": "بتاريخ",
        "no_rows": "لا يوجد في المطالبة صف من هذا النطاق", "declared": "لا إصدار لأي تاريخ",
        "true": "صحيح", "false": "خطأ", "null": "غير معلوم", "failed": "بلا نتيجة",
        "no_issue": "لا إصدار للجدول في هذا التاريخ", "no_key": "لا يوجد هذا المفتاح في الجدول",
        "file": "مكتوبة في",
    },
}  # fmt: skip
SAID_STYLE = {"fires": "bold red", "satisfied": "green", "not_checked": "yellow", "not_applicable": "dim"}
SHOWN = 20  # claims a terminal lists; --json has more
_TRUTHS = ((True, "true"), (False, "false"), (None, "null"))
VALUE_STYLE = {"true": "green", "false": "red", "null": "yellow"}


def portrait(told: Mapping[str, Any], lang: str) -> Iterator[text.Text]:
    """Yield the lines about one rule, and about each claim it was tried on."""
    words = WORDS[lang]
    yield text.Text.assemble(
        (told["id"], "bold"), f"  {told['title'][lang]}  ", (f"[{told['severity']}, {told['scope']}]", "dim")
    )
    for name in ("applies", "valid", "codes"):
        if told[name]:
            yield _field(
                words[name], ", ".join(f"{key} {_plain(value)}" for key, value in told[name].items())
            )
    for name in ("when", "violation", "expected"):
        if name in told["texts"]:
            yield _field(words[name], told["texts"][name])
    yield _field(words["message"], told["message"][lang])
    if told["suggestion"]:
        yield _field(words["suggestion"], told["suggestion"][lang])
    yield _field(words["source"], told["source"])
    for column in told["columns"]:
        yield _field(words["columns"], f"{column['name']} ({column['kind']}): {column['meaning']}")
    for table in told["tables"]:
        issues = ", ".join(_issue(issue) for issue in table["issues"]) or words["declared"]
        yield _field(words["tables"], f"{table['name']}: {issues}")
    if "file" in told:
        yield _field(words["file"], f"{told['file']}:{told['line']}")
    for claim in told["claims"]:
        yield from _claim(claim, words)


def _claim(claim: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[text.Text]:
    head = f"\n{words['claim']} {claim['claim_id']}, {words['as_of']} {claim['as_of']}"
    yield text.Text(head, style="bold")
    if claim["misfits"]:
        yield text.Text(f"  {words['misfits']}: {', '.join(claim['misfits'])}")
    elif not claim["rows"]:
        yield text.Text(f"  {words['no_rows']}")
    for row in claim["rows"]:
        said = (words[row["said"]], SAID_STYLE[row["said"]])
        yield text.Text.assemble("  ", (row["path"] or words["claim"], "bold"), "  ", said)
        for name in ("when", "violation", "expected"):
            if row[name] is not None:
                yield text.Text(f"    {words[name]}", style="dim")
                yield from _part(row[name], words, 3)


def _part(part: Mapping[str, Any], words: Mapping[str, str], depth: int) -> Iterator[text.Text]:
    truth = _truth(part)
    shown = words[truth] if truth else _plain(part["value"])
    note = f"  ({words[part['note']]})" if part.get("note") else ""
    style = VALUE_STYLE.get(truth, "cyan")
    yield text.Text.assemble("  " * depth, (shown, style), f"  {part['text']}", (note, "dim"))
    for inner in part.get("parts", []):
        yield from _part(inner, words, depth + 1)


def _truth(part: Mapping[str, Any]) -> str:
    """Return the word for what is true, false, unknown or failed; "" for any other value."""
    if part.get("failed"):
        return "failed"
    return next((word for value, word in _TRUTHS if part.get("value") is value), "")


def coverage(told: Mapping[str, Any]) -> Iterator[text.Text]:
    """Yield one line per rule, then the rules that nothing put to the test."""
    head = (
        f"{'rule':<18}{'applied':>9}{'fired':>9}{'satisfied':>11}{'undecided':>11}{'idle':>9}{'findings':>10}"
    )
    yield text.Text(head, style="bold")
    for rule in told["rules"]:
        counts = f"{rule['applied']:>9,}{rule['fired']:>9,}{rule['satisfied']:>11,}{rule['not_checked']:>11,}"
        line = f"{rule['rule']:<18}{counts}{rule['idle']:>9,}{rule['findings']:>10,}"
        yield text.Text(line, style="" if rule["fired"] else "dim")
    for name, words in (
        ("never_applied", "never selected for a claim of this corpus"),
        ("never_reached", "selected, but their `when` never held or there was no row"),
        ("never_decided", "never decidable: what they read is missing everywhere"),
        ("never_fired", "never fired"),
    ):
        head = f"{numbers.counted(len(told[name]), 'rule')} {words}"
        yield text.Text.assemble((head, "bold"), _listed(told[name]))
    refused = f", {told['unreadable']:,} could not be read" if told["unreadable"] else ""
    yield text.Text(f"{numbers.counted(told['claims'], 'claim')}{refused}")


def difference(told: Mapping[str, Any]) -> Iterator[text.Text]:
    """Yield what was added, removed and changed, then what it makes of claims."""
    for sign, style, kind, names in (
        ("+", "green", "rule", told["added"]), ("-", "red", "rule", told["removed"]),
        ("+", "green", "table", told["tables_added"]), ("-", "red", "table", told["tables_removed"]),
    ):  # fmt: skip
        for name in names:
            yield text.Text(f"{sign} {kind} {name}", style=style)
    for kind, entries in (("rule", told["changed"]), ("table", told["tables_changed"])):
        for entry in entries:
            yield text.Text(f"~ {kind} {entry['name']}", style="bold yellow")
            for change in entry["changes"]:
                yield text.Text.assemble(f"    {change['field']}  ", (f"- {_plain(change['before'])}", "red"))
                yield text.Text.assemble(
                    " " * (6 + len(change["field"])), (f"+ {_plain(change['after'])}", "green")
                )
    if not told["differ"]:
        yield text.Text("no difference")
    if "claims" in told:
        yield from effect(told["claims"])


def effect(told: Mapping[str, Any]) -> Iterator[text.Text]:
    """Yield what other rules make of claims: verdicts that turn, their money, rules that fire or do not."""
    refused = f", {told['unreadable']:,} could not be read" if told["unreadable"] else ""
    counted = f"{numbers.counted(told['claims'], 'claim')} judged twice, {told['changed']:,} differ{refused}"
    yield text.Text(counted, style="bold")
    for turn in told["verdicts"]:
        money = ", ".join(f"{sum_} {currency}".strip() for currency, sum_ in turn["money"].items())
        line = f"  {turn['before']} → {turn['after']}: {numbers.counted(turn['claims'], 'claim')}"
        yield text.Text(f"{line}{f', submitted {money}' if money else ''}")
    for rule in told["rules"]:
        counts = (
            f"{rule['appeared']:>7,} newly fires", f"{rule['vanished']:>7,} no longer fires",
            f"{rule['undecided']:>7,} otherwise decidable",
        )  # fmt: skip
        yield text.Text(f"  {rule['rule']:<18}{'  '.join(counts)}")


def replayed(told: Mapping[str, Any]) -> Iterator[text.Text]:
    """Yield what stored claims would have come to by other rules."""
    judged = ", ".join(f"{pack['pack']} {pack['revision']}" for pack in told["packs"])
    day = "the day each was decided" if told["as_of"] == "recorded" else told["as_of"]
    yield text.Text(f"tenant {told['tenant']}, as of {day}, by {judged}")
    yield from effect(told)
    for one in told["examples"][:SHOWN]:
        signs = [f"+{rule} {path}" for rule, path in one["appeared"]]
        signs += [f"-{rule} {path}" for rule, path in one["vanished"]]
        signs += [f"?{rule} {path}" for rule, path in one["undecided"]]
        turn = one["before"] if one["before"] == one["after"] else f"{one['before']} → {one['after']}"
        yield text.Text(f"  {one['id']}  {turn}  {', '.join(signs)}", style="dim")
    if told["kept_as_recorded"]:
        kept = f"{numbers.counted(len(told['kept_as_recorded']), 'rule')} about earlier claims"
        yield text.Text(f"{kept}: what they said was kept as recorded", style="dim")
    if told["interrupted"]:
        onward = f"go on with --after {told['last']}" if told["last"] else "nothing was judged yet"
        yield text.Text(f"interrupted; {onward}", style="bold yellow")


def _field(name: str, value: str) -> text.Text:
    return text.Text.assemble("  ", (f"{name}: ", "dim"), value)


def _listed(names: Sequence[str]) -> str:
    return f": {', '.join(names)}" if names else ""


def _plain(value: object) -> str:
    """Return a value of a document in one line."""
    if isinstance(value, Mapping):
        told = {name: inner for name, inner in value.items() if inner not in (None, [], {})}
        return ", ".join(f"{name}: {_plain(inner)}" for name, inner in told.items())
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value) or "—"
    return "—" if value is None else str(value)


def _issue(issue: Mapping[str, Any]) -> str:
    return f"{issue['revision']} ({issue.get('from', '…')} – {issue.get('to') or '…'})"
