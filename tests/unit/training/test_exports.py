"""Exports: the features are those of the simulation's folder, a model of either is the same, runs go on."""

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import training_support as support
from chassis import errors
from formats import canonical
from formats import rows as row_schema
from scoring.domain import prints
from scoring.outbound import bundles
from training import batches, denial, exporting, exports, histories

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.slow]  # one worker trains, once

SAME = ("line.onnx", "claim.onnx", "reason.onnx", "features.npz", "calibration.json", "reference.json")
PAGE = 300  # claims of one part of a stream


class Record:
    """The platform's record of the simulated claims; `breaks` ends reading behind so many claims."""

    def __init__(self, *, breaks: int = 10**9, count: int = support.CLAIMS, **changes: Any) -> None:
        self.opened: list[str] = []
        self._breaks, self._changes = breaks, changes
        self._lines, self._claims = _recorded(count)

    async def rows(self, after: str) -> AsyncIterator[list[exporting.Line]]:
        """Yield lines."""
        self.opened.append(after)
        left = [lines for lines in self._lines if lines[0]["id"] > after]
        for done, part in enumerate(itertools.batched(left, PAGE)):
            if done * PAGE >= self._breaks:
                raise errors.Unavailable("database.unavailable", "The database does not answer.")
            yield [line | self._changes for lines in part for line in lines]

    async def claims(self, after: str) -> AsyncIterator[list[tuple[str, bytes, bytes]]]:
        """Yield whole claims, in parts of another size."""
        left = [one for one in self._claims if one[0] > after]
        for part in itertools.batched(left, PAGE // 7):
            yield list(part)


def _recorded(count: int) -> tuple[list[list[exporting.Line]], list[tuple[str, bytes, bytes]]]:
    """Return lines by claim, and whole claims, as if each had been scored under the history of the folder."""
    folder, history = support.data(), support.history()
    claims = (folder / "claims.ndjson").read_bytes().splitlines()[:count]
    answers = (folder / "adjudications.ndjson").read_bytes().splitlines()[:count]
    lines, wholes = [], []
    for place, (body, answered) in enumerate(zip(claims, answers, strict=True)):
        identifier = f"0197{place:08d}"
        wholes.append((identifier, body, b"{}"))
        known = {name: int(history.rows.claims[name][place]) for name in exports.COUNTS}
        answer = json.loads(answered)
        lines.append([_line(identifier, body, one, known) for one in answer["lines"]])
    printed = _prints(claims, lines)
    for claim, mark in zip(lines, printed, strict=True):
        for line in claim:
            line["feature_hash"] = mark
    return lines, wholes


def _prints(claims: list[bytes], lines: list[list[exporting.Line]]) -> list[int]:
    read = [canonical.decode(body) for body in claims]
    known = [row_schema.History(*(claim[0][name] for name in exports.COUNTS)) for claim in lines]
    return prints.of(batches.merge([row_schema.build(read, known)]))


def _line(identifier: str, body: bytes, said: dict[str, Any], known: dict[str, int]) -> exporting.Line:
    """Return an exported line with the payer's answer; what does not matter here is absent."""
    claim = msgspec.json.decode(body)
    told: dict[str, Any] = dict.fromkeys(exports.SCHEMA.names[: exports.SCHEMA.names.index("claim.type")])
    for name in ("features_agree", "created_day", "patient_bucket"):
        del told[name]
    cut = said["outcome"] != "approved"
    return told | known | {
        "id": identifier, "claim_id": claim["claim_id"], "line": said["sequence"], "denied": int(cut),
        "outcome": said["outcome"], "outcome_source": "payer", "payer_outcome": said["outcome"],
        "nphies": said.get("nphies"), "carc": said.get("carc"), "paid_minor": said["paid_minor"],
        "provider_id": claim["provider"]["id"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the simulated claims in files of a thousand."""
    import asyncio  # noqa: PLC0415 - only this fixture runs a loop of its own

    out = tmp_path_factory.mktemp("export")
    state = asyncio.run(exporting.export(Record(), out, "demo", file_claims=1_000))
    assert (state.claims, state.agree, state.disagree) == (support.CLAIMS, support.CLAIMS, 0)
    return out


def test_an_export_holds_the_features_of_the_folder(written: Path):
    """Column by column the same values, outcomes, splits and reasons: nothing is computed twice."""
    ours, theirs = exports.read(written), support.history()
    np.testing.assert_array_equal(ours.rows.offsets, theirs.rows.offsets)
    for mine, other in ((ours.rows.claims, theirs.rows.claims), (ours.rows.lines, theirs.rows.lines)):
        assert mine.keys() == other.keys()
        for name, values in mine.items():
            told = _words(ours, values)
            np.testing.assert_array_equal(told, _words(theirs, other[name]), err_msg=name)
    for name in ("created", "provider", "patient", "claim_denied", "line_denied"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.reason == theirs.reason
    assert ours.simulated


def _words(history: histories.History, values: Any) -> Any:
    return np.array(history.rows.dictionary)[values] if values.dtype == np.uint32 else values


def test_a_model_of_an_export_is_the_model_of_the_folder(written: Path, tmp_path: Path):
    """Trained by one command from either, models, features and calibration are the same bytes."""
    (written / "meta.json").write_bytes((support.data() / "meta.json").read_bytes())  # the same months
    denial.train(written, support.SEED, tmp_path)
    folder, _ = support.trained()
    for name in SAME:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    found = denial.evaluate(tmp_path, written)
    assert found["auc"] == pytest.approx(denial.evaluate(folder, support.data())["auc"], abs=1e-9)
    assert found["bundle"] == bundles.revision(tmp_path)
    assert "ultrathink export" in (tmp_path / "card.md").read_text()
    assert set(found["absent"]) == {"findings", "bayes_optimal"}


def test_no_patient_is_in_an_export(written: Path):
    """No id, name or day of birth; of the person remain age, sex, counts and one of a hundred buckets."""
    table = pq.read_table(written / "demo-00001.parquet")
    sent = (support.data() / "claims.ndjson").read_bytes().splitlines()
    people = {msgspec.json.decode(line)["patient"]["id"] for line in sent}
    for name in table.column_names:
        if pa.types.is_string(table.schema.field(name).type):
            assert people.isdisjoint(table[name].to_pylist()), name
    assert set(table["patient_bucket"].to_pylist()) <= set(range(100))


def test_files_are_whole_and_few_claims_each(written: Path):
    """A thousand claims a file as asked, every line once, in the order of ids; the state names them."""
    state = msgspec.json.decode((written / "demo.export.json").read_bytes(), type=exports.State)
    assert state.complete
    assert state.files == [f"demo-{number:05}.parquet" for number in range(1, 6)]
    ids = [one for file in state.files for one in pq.read_table(written / file)["id"].to_pylist()]
    assert ids == sorted(ids)
    assert len(set(ids)) == support.CLAIMS
    assert not list(written.glob("*.part"))


def _files(folder: Path, pattern: str = "*.parquet") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def test_an_interrupted_run_goes_on_behind_its_last_whole_file(tmp_path: Path):
    """What was whole is not read again; the rest follows, and together they are one export."""
    with pytest.raises(errors.Unavailable):
        await exporting.export(Record(count=900, breaks=600), tmp_path, "demo", file_claims=200)
    assert _files(tmp_path) == [f"demo-{number:05}.parquet" for number in (1, 2)]
    again = Record(count=900)
    state = await exporting.export(again, tmp_path, "demo", file_claims=200)
    assert again.opened == ["019700000399"]
    assert (state.claims, state.complete, len(state.files)) == (900, True, 5)
    assert _files(tmp_path, "*.part") == []


async def test_a_finished_export_begins_anew(tmp_path: Path):
    """Outcomes change: nothing of an older export stays, of an older release neither."""
    (tmp_path / "demo.parquet").write_bytes(b"of a release before")
    (tmp_path / "demo-x.parquet").write_bytes(b"somebody else's")
    for count in (400, 100):
        state = await exporting.export(Record(count=count), tmp_path, "demo", file_claims=200)
    assert (state.claims, state.files) == (100, ["demo-00001.parquet"])
    assert _files(tmp_path) == ["demo-00001.parquet", "demo-x.parquet"]


async def test_real_payers_are_not_mixed_with_simulated_ones(tmp_path: Path):
    """A run that says otherwise than the interrupted one begins anew; its models are not called simulated."""
    with pytest.raises(errors.Unavailable):
        await exporting.export(Record(count=900, breaks=600), tmp_path, "demo", file_claims=200)
    real = Record(count=300)
    await exporting.export(real, tmp_path, "demo", simulated=False)
    assert real.opened == [""]
    assert not exports.read(tmp_path).simulated


async def test_features_that_do_not_agree_are_counted_and_not_learned_from(tmp_path: Path):
    """A print of other features: told, marked in every row, left out of training."""
    state = await exporting.export(Record(count=50, feature_hash=1), tmp_path, "demo")
    assert (state.agree, state.disagree, state.unchecked) == (0, 50, 0)
    assert set(pq.read_table(tmp_path / "demo-00001.parquet")["features_agree"].to_pylist()) == {False}
    with pytest.raises(errors.Invalid, match=r"data\.too_small"):
        exports.read(tmp_path)


async def test_claims_without_a_score_have_features_and_no_print(tmp_path: Path):
    """They are counted apart and learned from: their outcomes are as good as others'."""
    state = await exporting.export(Record(count=50, feature_hash=None), tmp_path, "demo")
    assert (state.agree, state.disagree, state.unchecked) == (0, 0, 50)
    assert exports.read(tmp_path).rows.items == 50


async def test_a_history_that_was_missing_is_missing_again(tmp_path: Path):
    """A claim scored while storage was away: the counts are absent, not nought."""
    await exporting.export(
        Record(count=5, provider_claims=None, patient_claims=None, feature_hash=None), tmp_path, "demo"
    )
    found = exports.read(tmp_path).rows.claims
    assert np.isnan(found["provider_claims"]).all()
    assert not np.isnan(found["provider_denied"]).any()


async def test_claims_no_payer_answered_are_left_out(tmp_path: Path):
    """A reviewer's word is no payer's answer."""
    silent: dict[str, Any] = {
        "payer_outcome": None,
        "denied": 1,
        "outcome_source": "reviewer",
        "reviewer_outcome": "denied",
    }
    await exporting.export(Record(count=50, **silent), tmp_path, "demo")
    with pytest.raises(errors.Invalid, match=r"ultrathink remit"):
        exports.read(tmp_path)


async def test_a_tenant_without_claims_gives_columns_without_rows(tmp_path: Path):
    """A table, not an error."""
    state = await exporting.export(Record(count=0), tmp_path, "demo")
    assert (state.claims, state.complete) == (0, True)
    assert pq.read_table(tmp_path / "demo-00001.parquet").schema.equals(exports.SCHEMA)


async def test_a_claim_that_came_meanwhile_is_left_to_the_next_export(tmp_path: Path):
    """The lines saw it, the documents were read before it: the export ends ahead of it."""
    record = Record(count=30)
    record._claims.pop()
    assert (await exporting.export(record, tmp_path, "demo")).claims == 29


async def test_a_claim_that_is_missing_in_between_ends_the_export(tmp_path: Path):
    """A gap is a defect, never silently a smaller export."""
    record = Record(count=30)
    del record._claims[7]
    with pytest.raises(errors.Internal, match=r"export\.unpaired"):
        await exporting.export(record, tmp_path, "demo")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda table: table.drop_columns(["line.code"]), "export.features"),
        (lambda table: table.replace_schema_metadata({exports.ROW_SCHEMA: b"other"}), "export.schema"),
        (lambda table: table.replace_schema_metadata({}), "export.schema"),
    ],
)
async def test_files_of_another_kind_are_refused(tmp_path: Path, spoil: Any, reason: str):
    """Columns that are missing or may mean something else are named, with the remedy."""
    await exporting.export(Record(count=5), tmp_path, "demo")
    file = tmp_path / "demo-00001.parquet"
    pq.write_table(spoil(pq.read_table(file)), file)
    with pytest.raises(errors.Invalid, match=reason.replace(".", r"\.")) as caught:
        exports.read(file)
    assert "export again" in caught.value.message


def test_what_is_no_parquet_is_refused(tmp_path: Path):
    """By name, without the library's words."""
    (file := tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(errors.Invalid, match=r"export\.unreadable"):
        exports.read(file)
