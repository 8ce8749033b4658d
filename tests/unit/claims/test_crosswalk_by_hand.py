"""The crosswalk told a second time, by hand from the product's domain notes: reasons and what X12 calls them.

Third-party lists mislabel nphies' codes; these rows are the notes' own, so that a slip in the data is seen.
"""

import pytest

import reasons_support as support

BOOK = support.committed()
ON = support.ON

# Reason, its uses (C claim, P pre-authorisation), what it is about, the suggested adjustments in order.
TOLD: list[tuple[str, str, str, str]] = [
    ("AD-1-1", "C P", "diagnosis provider", "12"),
    ("AD-1-2", "C P", "diagnosis specialty", "12"),
    ("AD-1-3", "C P", "diagnosis encounter", "16"),
    ("AD-1-4", "C P", "diagnosis service", "11"),
    ("AD-1-5", "C P", "service provider", "8 170"),
    ("AD-1-6", "C P", "service specialty", "8 172"),
    ("AD-1-7", "C P", "service encounter", "5 58"),
    ("AD-1-8", "C P", "registration", "B7 185"),
    ("AD-1-9", "C P", "member", "140"),
    ("AD-2-1", "C P", "born", "14"),
    ("AD-2-2", "C P", "died", "13"),
    ("AD-2-3", "C P", "coverage", "26"),
    ("AD-2-4", "C P", "same day", "18"),
    ("AD-2-5", "C", "time limit", "29"),
    ("AD-2-6", "C P", "authorised dates", "198 197"),
    ("AD-3-1", "P", "not needed", ""),
    ("AD-3-2", "C P", "bundled", "97 234"),
    ("AD-3-3", "C P", "room", "97"),
    ("AD-3-4", "C", "drg", "A8 16"),
    ("AD-3-5", "C P", "diagnosis age", "9"),
    ("AD-3-6", "C P", "diagnosis sex", "10"),
    ("AD-3-7", "C P", "service age", "6"),
    ("AD-3-8", "C P", "service sex", "7"),
    ("CV-1-1", "C P", "network", "242 279"),
    ("CV-1-2", "C P", "eligible", "170 185"),
    ("CV-1-3", "C P", "diagnosis not covered", "167"),
    ("CV-1-4", "C P", "service not covered", "96"),
    ("CV-1-5", "C P", "urgent", "40"),
    ("CV-1-6", "C P", "pre-existing not covered", "51"),
    ("CV-1-7", "C P", "pre-existing disclosed", "51"),
    ("CV-1-8", "C P", "limit", "119"),
    ("CV-1-9", "C P", "14 days", "B14"),
    ("CV-1-10", "C P", "work injury", "19"),
    ("CV-2-1", "C P", "member", "31"),
    ("CV-3-1", "C P", "exhausted", "119"),
    ("CV-3-2", "C P", "frequent", "151"),
    ("CV-3-3", "C P", "lifetime", "35 149"),
    ("CV-3-4", "C P", "policy", "119"),
    ("CV-3-5", "C P", "threshold riyals", "119 45"),
    ("CV-4-1", "C P", "dose", "153"),
    ("CV-4-2", "C P", "duration", "154"),
    ("CV-4-3", "P", "quantity prescription", "198"),
    ("CV-4-4", "C P", "prescription out of date", "176"),
    ("CV-4-5", "C P", "formulary", "96"),
    ("CV-4-6", "C P", "milk", "272"),
    ("CV-4-7", "C P", "device", "272"),
    ("CV-4-8", "C P", "refill", "154"),
    ("CV-4-9", "C P", "included", "97"),
    ("CV-4-10", "C P", "saudi fda", "114"),
    ("MN-1-1", "C P", "clinically", "50"),
    ("MN-1-2", "C P", "hospice", "B9"),
    ("SE-1-1", "C P", "vital signs", "252 226"),
    ("SE-1-2", "C P", "present illness", "252"),
    ("SE-1-3", "C P", "chief complaint", "252"),
    ("SE-1-4", "C P", "physical examination", "252"),
    ("SE-1-5", "C P", "past history", "252"),
    ("SE-1-6", "C P", "investigation", "252"),
    ("SE-1-7", "C P", "type diagnosis", "16"),
    ("SE-1-8", "C P", "plan", "252"),
    ("SE-1-9", "C P", "quantity", "16 151"),
    ("SE-1-10", "C P", "occupation", "16"),
    ("BE-1-1", "C", "share collected", "3"),
    ("BE-1-2", "C", "not performed", "112 115"),
    ("BE-1-3", "C", "contract", "256 45"),
    ("BE-1-4", "C", "needed not obtained", "197"),
    ("BE-1-5", "C", "differs", "284"),
    ("BE-1-6", "C", "calculation price", "45 16"),
    ("BE-1-7", "C", "regime", "16"),
    ("BE-1-8", "C", "appeal", "285 286"),
    ("BE-1-9", "C", "recovery", "B13"),
    ("BE-1-10", "C", "fraud", ""),
]
USES = {"C": "claim", "P": "preauthorization"}
# What the core adjustments of denial work are about, and the group in which they stand.
ADJUSTMENTS: list[tuple[str, str, str]] = [
    ("1", "PR", "deductible"), ("2", "PR", "coinsurance"), ("3", "PR", "co-payment"), ("4", "CO", "modifier"),
    ("5", "CO", "place"), ("6", "CO", "age"), ("7", "CO", "sex"), ("8", "CO", "specialty"),
    ("9", "CO", "age"),
    ("10", "CO", "sex"), ("11", "CO", "procedure"), ("12", "CO", "provider"), ("13", "CO", "death"),
    ("14", "CO", "birth"), ("18", "OA", "duplicate"), ("19", "OA", "work"), ("22", "OA", "payer"),
    ("23", "OA", "earlier payer"), ("24", "CO", "capitation"), ("26", "PR", "before"), ("27", "PR", "after"),
    ("29", "CO", "limit"), ("31", "PR", "insured"), ("35", "PR", "lifetime"), ("40", "PR", "urgent"),
    ("45", "CO", "price"), ("50", "CO", "necessary"), ("51", "PR", "pre-existing"), ("96", "PR", "covered"),
    ("97", "CO", "another service"), ("109", "OA", "payer"), ("110", "CO", "before"),
    ("114", "CO", "approved"),
    ("119", "PR", "maximum"), ("133", "OA", "review"), ("140", "CO", "name"), ("146", "CO", "diagnosis"),
    ("151", "CO", "frequency"), ("153", "CO", "dose"), ("154", "CO", "supply"), ("163", "CO", "attachment"),
    ("167", "PR", "diagnosis"), ("170", "CO", "type of provider"), ("172", "CO", "specialty"),
    ("176", "CO", "prescription"), ("181", "CO", "procedure"), ("182", "CO", "modifier"),
    ("185", "CO", "rendering"), ("189", "CO", "unlisted"), ("197", "CO", "authorisation absent"),
    ("198", "CO", "authorisation exceeded"), ("206", "CO", "npi missing"), ("207", "CO", "npi form"),
    ("208", "CO", "npi matched"), ("231", "CO", "exclude"), ("233", "CO", "hospital"), ("236", "CO", "ncci"),
    ("242", "PR", "network"), ("249", "CO", "readmission"), ("256", "CO", "contract"),
    ("284", "CO", "services"),
    ("285", "CO", "appeal"), ("286", "CO", "appeal"), ("296", "CO", "provider"), ("A8", "CO", "drg"),
    ("B7", "CO", "certified"), ("B13", "OA", "paid"), ("B14", "CO", "visit"), ("B16", "CO", "new patient"),
]  # fmt: skip


def test_every_reason_is_told() -> None:
    """The hand's list and the book's hold the same 71 codes."""
    in_use = {entry.code for entry in BOOK.lists["nphies"].entries if entry.in_use(ON)}
    assert in_use == {code for code, _, _, _ in TOLD}
    assert len(TOLD) == 71


@pytest.mark.parametrize(("code", "uses", "words", "carcs"), TOLD, ids=[row[0] for row in TOLD])
def test_the_book_agrees_with_the_hand(code: str, uses: str, words: str, carcs: str) -> None:
    """Uses, subject and the suggested adjustments; the book may go on with cases of its own."""
    [entry] = BOOK.entries("nphies", code)
    assert list(entry.uses) == [USES[use] for use in uses.split()]
    label = entry.label.en.lower()
    assert all(word in label for word in words.split()), label
    found = list(dict.fromkeys(link.carc for link in BOOK.adjustments(code, ON)))
    told = carcs.split()
    assert found[: len(told)] == told
    assert bool(found) is bool(told)


@pytest.mark.parametrize(("code", "group", "words"), ADJUSTMENTS, ids=[row[0] for row in ADJUSTMENTS])
def test_adjustments_are_about_what_the_hand_says(code: str, group: str, words: str) -> None:
    """Label and usual group of the core set, and that each is in use and named by FHIR."""
    entry = BOOK.find("carc", code, ON)
    assert entry is not None
    assert all(word in entry.label.en.lower() for word in words.split()), entry.label.en
    assert entry.group == group
    name = BOOK.name("carc", code, ON)
    assert name is not None
    assert name.issue is not None


@pytest.mark.parametrize(
    ("carc", "rarc", "status"),
    [
        ("16", "M79", "583"), ("16", "M54", "178"), ("16", "M76", "255"), ("16", "MA63", "254"),
        ("16", "M53", "476"), ("16", "N290", "562"), ("16", "MA130", "21"), ("252", "N791", "331"),
        ("252", "N706", "294"), ("18", None, "54"), ("29", None, "718"), ("197", None, "252"),
        ("6", None, "475"), ("7", None, "474"), ("10", None, "86"), ("31", None, "33"),
    ],
)  # fmt: skip
def test_a_remark_says_the_status_more_exactly(carc: str, rarc: str | None, status: str) -> None:
    """The 277CA status is the remark's where it has one, else the adjustment's."""
    names = (BOOK.name("rarc", rarc, ON), BOOK.name("carc", carc, ON))
    assert next(name.status for name in names if name is not None and name.status) == status
