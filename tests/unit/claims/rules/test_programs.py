"""Generated programs: shared work is done once, and the two programs of a rule tell the same."""

import collections
import datetime as dt
import decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import checking, emitting, examples, layouts, programs, runtime, schema, tables, tree


def _judge(partial: dict[str, Any], *documents: dict[str, Any]) -> list[programs.Hit]:
    claim, as_of = examples.build(partial)
    judge = programs.judge(support.pack(*documents).rules, support.KNOWN)
    with decimal.localcontext(runtime.EXACT):
        return judge(claim, as_of.toordinal() - support.EPOCH, "Asia/Riyadh")


def _plain(violation: str, **fields: Any) -> dict[str, Any]:
    return support.rule(violation=violation, message={"en": "x", "ar": "x"}, **fields)


FULL: dict[str, Any] = {
    "accident": {"date": "2026-07-01", "type": "MVA"}, "billable_period": {"start": "2026-07-01"},
    "amounts": {"patient_paid": 1, "prior_payer_paid": 2}, "payee": {"type": "provider"},
    "institutional": {"type_of_bill": "0111", "drg": "470", "admission_datetime": "2026-07-01"},
    "authorization": {"prior_auth_response": "A-1"}, "eligibility": {"offline_date": "2026-07-01"},
    "insurance": [{"coverage": {"payer": "P", "start": "2026-01-01", "relationship": "self"}}],
}  # fmt: skip


def test_a_hit_names_rule_row_and_truth():
    """TRUE and unknown are hits, FALSE is none; unknown says what is missing; rows count from zero."""
    found = _judge(
        {"lines": [{"tax": 1}, {"tax": None}, {"tax": 0}]},
        _plain("tax > 0", id="R-1"),
        _plain("net = 100 AND tax = 0", id="R-2"),
        _plain("total = 100", id="R-3", applies={"scope": "claim"}),
    )
    assert sorted(found, key=lambda hit: hit[:2]) == [
        (0, 0, True), (0, 1, (True,)), (1, 1, (False, True)), (1, 2, True), (2, 0, True),
    ]  # fmt: skip


def test_no_rule_is_a_program_too():
    """A claim to which nothing applies is judged by an empty program."""
    assert _judge({}) == []


def test_a_scope_without_rows_says_nothing():
    """Rules over details, information or insurance of a claim that has none are silent."""
    bare: dict[str, Any] = {
        "supporting_info": [],
        "diagnoses": [],
        "care_team": [],
        "lines": [{"information_sequences": []}],
    }
    scopes = ("detail", "information", "diagnosis", "care_team")
    rules = [_plain("sequence > 0", id=f"R-{scope}", applies={"scope": scope}) for scope in scopes]
    found = _judge(bare, *rules)
    assert found == []


def test_equal_work_is_shared():
    """Equal aggregates, groups and constants have one name, however many rules use them."""
    layout = layouts.Layout(support.KNOWN)
    assert layout.constant("x") == layout.constant("x") != layout.constant("y")
    assert layout.constant(1) != layout.constant("1")
    assert layout.constant(decimal.Decimal("1.0")) != layout.constant(decimal.Decimal("1.00"))
    assert layout.define("group", "f()") == layout.define("group", "f()") != layout.define("group", "g()")
    node = checking.value("SUM(lines.net)", "claim", support.KNOWN)
    assert isinstance(node, tree.Aggregate)
    assert layout.hoisted(node) is None
    name = layout.hoist(node, "1", nullable=False, risky=False)
    assert layout.hoisted(node) == name


def test_texts_are_counted_once_for_all_who_ask():
    """Rules that count rows of one text each share one tally of the column."""
    layout = layouts.Layout(support.KNOWN)
    emitter = emitting.Emitter(layout, "claim")
    for code in ("A", "B"):
        emitter.value(
            checking.value(f"COUNT(*) FILTER (WHERE lines.code = '{code}')", "claim", support.KNOWN)
        )
    assert layout.prologue()[-3:] == [
        "tally1 = _tally([s[0] for s in rows_lines])",
        "a1 = tally1.get(k1, 0)",
        "a2 = tally1.get(k2, 0)",
    ]


def test_only_what_is_read_is_loaded():
    """A program loads the columns its rules name, once each, and gathers no other row set."""
    layout = layouts.Layout(support.KNOWN)
    net = tree.Column("lines", "net", tree.Kind.MONEY, nullable=True)
    total = tree.Column("claim", "total", tree.Kind.MONEY, nullable=True)
    assert [layout.column(net), layout.column(net), layout.column(total)] == ["s[0]", "s[0]", "c_total"]
    assert layout.prologue() == [
        "x = claim",
        "c_total = x.total",
        "rows_lines = [(x.net, ) for x in claim.lines]",
    ]


def test_siblings_that_are_only_counted_are_not_gathered():
    """The list itself has their number."""
    layout = layouts.Layout(support.KNOWN)
    emitting.Emitter(layout, "claim").value(checking.value("COUNT(lines.sequence)", "claim", support.KNOWN))
    assert layout.prologue() == ["x = claim", "rows_lines = claim.lines", "a1 = len(rows_lines)"]


def test_columns_of_a_part_are_read_together():
    """A part that may be absent is looked for once; each row reads its own columns from its struct."""
    layout = layouts.Layout(support.KNOWN)
    for name, kind in (("encounter_class", tree.Kind.TEXT), ("encounter_end", tree.Kind.DATE)):
        layout.column(tree.Column("claim", name, kind, nullable=True))
    assert layout.prologue()[1:] == [
        "p = x.encounter",
        "if p is None:",
        "    c_encounter_class = c_encounter_end = None",
        "else:",
        "    c_encounter_class = p.class_",
        "    c_encounter_end = (None if p.end is None else _day(p.end, zone))",
    ]
    layout.own("insurance", ["sequence", "payer", "sequence"])
    assert layout.loop("insurance", ["pass"]) == [
        "for n, x in enumerate(claim.insurance):",
        "    r_sequence = x.sequence",
        "    p = x.coverage",
        "    if p is None:",
        "        r_payer = None",
        "    else:",
        "        r_payer = p.payer",
        "    pass",
    ]


@pytest.mark.parametrize("name", sorted(schema.CLAIM))
def test_every_column_of_a_claim_reads_the_same_together_or_alone(name: str):
    """How a program loads a column and how the schema words it are one."""
    field = schema.CLAIM[name]
    column = tree.Column("claim", name, field.kind, field.nullable)
    claims = [examples.build(partial)[0] for partial in ({}, FULL)]
    explain = programs.explain("claim", [column], support.KNOWN)
    read = eval(f"lambda x, zone: {field.source}", dict(runtime.NAMESPACE))  # noqa: S307 - the schema's own text
    for claim in claims:
        assert explain(claim, 0, "UTC", [0]) == [(read(claim, "UTC"),)]


def test_a_table_that_vanished_is_our_defect():
    """A table that was there when the rule was checked is there when it is compiled."""
    layout = layouts.Layout(tables.Tables())
    call = checking.value("in_codeset(code, 'letters', service_date)", "line", support.KNOWN)
    assert isinstance(call, tree.Call)
    with pytest.raises(AssertionError, match="letters"):
        layout.table(call)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_explaining_reads_only_the_rows_asked_for(count: int):
    """An explanation gives one tuple per row asked for, in that order, repetition included."""
    claim, as_of = examples.build({"lines": [{"net": at} for at in range(count)]})
    nodes = [checking.value(text, "line", support.KNOWN) for text in ("net", "SUM(lines.net)", "claim.total")]
    explain = programs.explain("line", nodes, support.KNOWN)
    rows = [count - 1, 0, count - 1]
    found = explain(claim, as_of.toordinal(), "UTC", rows)
    assert found == [(row, sum(range(count)), 100) for row in rows]


def test_a_table_answers_by_its_windows():
    """Membership and fields follow the issue that covers the day; between two issues nothing is known."""
    known = tables.Tables([
        support.table(first="2026-01-01", last="2026-01-31"),
        support.table(first="2026-03-01", last=None),
    ])  # fmt: skip
    found = known.find("letters")
    assert found is not None
    assert known.find("digits") is None
    days = [dt.date.fromisoformat(text).toordinal() - support.EPOCH
            for text in ("2025-12-31", "2026-01-31", "2026-02-01", "2026-03-01", "2999-12-31")]  # fmt: skip
    contains, read = found.membership(), found.reader("billable")
    assert [contains("a.1 ", day) for day in days] == [None, True, None, True, True]
    assert [contains("z", day) for day in days] == [None, False, None, False, False]
    assert [read("c", day) for day in days] == [None, False, None, False, False]
    assert [read("z", day) for day in days] == [None] * 5
    assert [revision.to for revision in found.revisions()] == ["2026-01-31", None]
    assert found.kind("billable") is tree.Kind.BOOL
    assert found.kind("price") is None


def test_dots_count_where_the_table_says_so():
    """Only ICD's dots are punctuation; in another table they belong to the code."""
    assert tables.normal("e11.9", dotless=True) == "E119"
    assert tables.normal(" a.1 ", dotless=False) == "A.1"
    for text in ("NaN", "Infinity"):
        with pytest.raises(ValueError, match="not a number"):
            tables.number(text)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("modifiers && ARRAY['59', '76']", "(not k1.isdisjoint(r_modifiers))"),
        ("ARRAY['59', '76'] && modifiers", "(not k1.isdisjoint(r_modifiers))"),
        ("modifiers <@ ARRAY['59', '76']", "k1.issuperset(r_modifiers)"),
        ("ARRAY['59', '76'] @> modifiers", "k1.issuperset(r_modifiers)"),
        ("modifiers @> ARRAY['59', '76']", "_within(k1, r_modifiers)"),
        ("modifiers && udi", "_overlaps(r_modifiers, r_udi)"),
        (
            "modifiers <@ udi",
            "(r_modifiers[0] in r_udi if len(r_modifiers) == 1 else _within(r_modifiers, r_udi))",
        ),
    ],
)
def test_a_constant_list_is_a_set_from_the_start(text: str, body: str):
    """Whatever side it stands on; what must all be there stays a list."""
    emitter = emitting.Emitter(layouts.Layout(support.KNOWN), "line")
    assert emitter.value(checking.value(text, "line", support.KNOWN)).replace("k2", "k1") == body


@pytest.mark.parametrize(
    ("text", "empty", "full"),
    [
        ("MIN(lines.sequence)", None, 1),
        ("MAX(lines.net) FILTER (WHERE lines.net IS NOT NULL)", None, 5),
        ("MAX(lines.net)", None, None),
        ("CARDINALITY(ARRAY_AGG(lines.sequence))", None, 2),
        ("CARDINALITY(ARRAY_AGG(lines.code) FILTER (WHERE lines.code IS NOT NULL))", None, 1),
    ],
)
def test_aggregates_of_what_is_never_missing_are_pythons_own(text: str, empty: object, full: object):
    """Without rows they are unknown like all others, and one missing value leaves the others unknown."""
    claim, _ = examples.build(
        {"lines": [{"net": 5, "code": "A"}, {"net": None, "code": None, "revenue_code": "1"}]}
    )
    explain = programs.explain("claim", [checking.value(text, "claim", support.KNOWN)], support.KNOWN)
    assert explain(claim, 0, "UTC", [0]) == [(full,)]
    assert explain(msgspec.structs.replace(claim, lines=[]), 0, "UTC", [0]) == [(empty,)]


@pytest.mark.parametrize("many", [1, 9, 200])
def test_lists_are_compared_alike_however_long(many: int):
    """Short ones member by member, long ones as sets."""
    assert runtime.within(list(range(many)), list(range(many + 1)))
    assert not runtime.within(list(range(many + 1)), list(range(many)))
    assert runtime.within([], list(range(many)))
    assert runtime.overlaps([many], list(range(many + 1)))
    assert not runtime.overlaps([many], list(range(many)))
    assert not runtime.overlaps([], list(range(many)))


KEYED = st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3) | st.none()), max_size=6)


@given(KEYED)
def test_groups_of_one_are_answered_as_groups_of_many(pairs: list[tuple[int, int | None]]):
    """For any siblings: the least and the greatest of each key, whether or not keys repeat."""
    for function in (runtime.least, runtime.greatest):
        wanted = {key: function([value for one, value in pairs if one == key]) for key, _ in pairs}
        assert runtime.by(function, pairs) == wanted


@given(st.lists(st.integers(0, 4) | st.none(), max_size=6))
def test_a_tally_counts_every_value(values: list[int | None]):
    """For any list: how often each value occurs, whether or not one occurs twice."""
    assert runtime.tally(values) == dict(collections.Counter(values))
