"""Rules about services: codes in dated tables, and the same service twice in one claim."""

from peers.equal import codesets, shapes, texts, words

HCPCS = {
    "hcpcs",
    "http://terminology.hl7.org/codesystem/hcpcs-all-codes",
    "urn:oid:2.16.840.1.113883.6.285",
    "https://www.cms.gov/medicare/coding/hcpcsreleasecodesets",
}
LISTS = {"sbs": "BASE-507", "gtin": "BASE-508", "cdt": "BASE-509"}
UNLISTED_DRUG = "99999999999999"
CONTINUES = {"2", "3", "4", "5", "7", "8"}  # frequency codes of parts, replacements and voids
ANOTHER = {"59", "XE", "XS", "XP", "XU", "76", "77", "91", "RT", "LT", "50"}  # modifiers of a further service


def check(claim: shapes.Claim, tables: codesets.Tables, say: texts.Say) -> None:
    """Say which codes are unknown or missing, and which services come twice."""
    for at, line in enumerate(claim.lines):
        path = f"lines[{at}].code"
        if line.code is None:
            if line.revenue_code is None:
                say("BASE-504", path, line)
        elif line.system is not None:
            rule = _wrong(line, line.code, line.system.lower(), tables)
            if rule is not None:
                say(rule, path, line)
    if claim.use == "claim" and claim.frequency_code not in CONTINUES and len(claim.lines) > 1:
        _twice(claim, say)


def _wrong(line: shapes.Line, code: str, system: str, tables: codesets.Tables) -> str | None:
    """Return the rule that a code breaks."""
    on = words.day(line.service_date)
    if system in HCPCS:
        # Level I codes (CPT) begin with a digit, D codes are CDT: neither is in the table.
        upper = code.upper()
        own = "A" <= upper <= "Z" and not upper.startswith("D")
        return "BASE-503" if own and tables["hcpcs"].knows(code, on) is False else None
    rule = LISTS.get(system)
    if rule is None or (system, code) == ("gtin", UNLISTED_DRUG):
        return None
    return rule if tables[system].knows(code, on) is False else None


def _twice(claim: shapes.Claim, say: texts.Say) -> None:
    keys = [_service(line) for line in claim.lines]
    if len(set(keys)) == len(keys):
        return
    firsts: dict[tuple[object, ...], int] = {}
    for line, key in zip(claim.lines, keys, strict=True):
        firsts[key] = min(line.sequence, firsts.get(key, line.sequence))
    for at, (line, key) in enumerate(zip(claim.lines, keys, strict=True)):
        if line.code is None or line.service_date is None or not ANOTHER.isdisjoint(line.modifiers):
            continue
        if firsts[key] < line.sequence:
            say("BASE-701", f"lines[{at}].code", line)


def _service(line: shapes.Line) -> tuple[object, ...]:
    """Return what tells one service of a claim from another."""
    return (
        line.code, line.system, line.service_date, tuple(line.modifiers), line.tooth, line.body_site,
        tuple(line.sub_site), tuple(line.care_team_sequences),
    )  # fmt: skip
