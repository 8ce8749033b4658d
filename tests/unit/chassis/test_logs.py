"""Logs: what may be told is told as JSON, and nothing about a person gets through."""

import io
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors, logs, metrics

NAMES = ("1012345678", "Fatimah Al-Harbi", "فاطمة الحربي", "1984-05-02 female", "E11.9 diabetes")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return what was written, one object per line."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def withheld(where: str) -> float:
    """Return how often something was held back so far."""
    return metrics.registry().get_sample_value("ultrathink_log_withheld_total", {"where": where}) or 0.0


def raised(failure: Exception, cause: Exception | None = None) -> Exception:
    """Return an exception that has been through a frame, and its cause too."""
    try:
        try:
            if cause is not None:
                raise cause
            raise failure
        except type(cause or failure) as caught:
            if caught is failure:
                raise
            raise failure from caught
    except type(failure) as caught:
        return caught


def test_a_line_is_one_json_object_with_time_level_service_and_room() -> None:
    """An operator's tools can read it without a pattern."""
    out = io.StringIO()
    with logs.configure("store", "info", out):
        logs.get("store.inbound").info("server started", port=50051, target="127.0.0.1:50051")
    (line,) = lines(out)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "store",
        "room": "store.inbound",
        "event": "server started",
        "port": 50051,
        "target": "127.0.0.1:50051",
    }


def test_identifiers_of_requests_and_items_may_be_told() -> None:
    """They are how a line is found again."""
    out = io.StringIO()
    with logs.configure("store", "info", out):
        logs.get("room").warning(
            "item refused", request_id="r-1", tenant="demo", item_id="7", duration_ms=1.5
        )
    (line,) = lines(out)
    assert (line["request_id"], line["tenant"], line["item_id"], line["duration_ms"]) == (
        "r-1",
        "demo",
        "7",
        1.5,
    )


@pytest.mark.parametrize("value", NAMES)
def test_a_field_that_is_not_allowed_never_appears_and_is_counted(value: str) -> None:
    """Neither its value nor its name is printed."""
    out, before = io.StringIO(), withheld("log")
    with logs.configure("store", "info", out):
        logs.get("room").info("item refused", patient=value, birth_date=value, port=1)
    assert value not in out.getvalue()
    assert "patient" not in out.getvalue()
    assert lines(out)[0]["port"] == 1
    assert withheld("log") == before + 2


@pytest.mark.parametrize("value", ["Fatimah Al-Harbi", "فاطمة", "x" * 201, ["a"], {"a": 1}, None, b"raw"])
def test_an_allowed_field_with_another_shape_never_appears(value: object) -> None:
    """A sentence, another script, a document: none is an identifier."""
    out = io.StringIO()
    with logs.configure("store", "info", out):
        logs.get("room").info("item refused", reason=value)
    assert "reason" not in lines(out)[0]


@pytest.mark.parametrize("event", ["refused 1012345678", "Fatimah", "فاطمة", "", "a" * 101, "a\nb"])
def test_an_event_that_was_not_written_in_the_code_is_withheld(event: str) -> None:
    """Numbers, names and line breaks do not pass as events."""
    out, before = io.StringIO(), withheld("event")
    with logs.configure("store", "info", out):
        logs.get("room").info(event)
    assert lines(out)[0]["event"] == "event withheld"
    assert withheld("event") == before + 1


@pytest.mark.parametrize("value", NAMES)
def test_the_text_of_an_exception_and_of_its_cause_never_appears(value: str) -> None:
    """Types and places are told, which is what a person needs at night."""
    out = io.StringIO()
    failure = raised(errors.Internal("store.failed", f"about {value}"), ValueError(f"Key (member)=({value})"))
    with logs.configure("store", "info", out):
        logs.get("room").error("exchange failed", exc_info=failure)
    assert value not in out.getvalue()
    told = lines(out)[0]["exception"]
    assert [entry["type"] for entry in told] == ["chassis.errors.Internal", "builtins.ValueError"]
    assert (told[0]["kind"], told[0]["reason"]) == ("internal", "store.failed")
    assert any("test_logs.py" in frame and frame.endswith(" raised") for frame in told[0]["frames"])


def test_exception_inside_its_handler_needs_no_argument() -> None:
    """`exception` finds the one being handled; outside there is none to tell."""
    out = io.StringIO()
    with logs.configure("store", "info", out):
        try:
            raise KeyError("1012345678")  # noqa: TRY301 - the log line is what is looked at
        except KeyError:
            logs.get("room").exception("look up failed")
        logs.get("room").error("nothing raised", exc_info=True)
    first, second = lines(out)
    assert (first["level"], first["exception"][0]["type"]) == ("error", "builtins.KeyError")
    assert "exception" not in second
    assert "1012345678" not in out.getvalue()


def test_a_chain_of_causes_is_bounded() -> None:
    """A loop that wraps and wraps does not fill the disk."""
    failure: Exception = ValueError("0")
    for number in range(20):
        failure = raised(ValueError(str(number)), failure)
    assert len(logs.places(failure)) == logs.MAX_CAUSES


def test_a_suppressed_context_is_not_told() -> None:
    """`from None` says that what came before does not matter."""
    failure = raised(ValueError("b"), KeyError("a"))
    assert len(logs.places(failure)) == 2
    failure.__context__, failure.__cause__ = failure.__cause__, None
    assert [entry["type"] for entry in logs.places(failure)] == ["builtins.ValueError"]


def test_lines_below_the_level_are_not_written() -> None:
    """The level comes from the settings."""
    out = io.StringIO()
    with logs.configure("store", "warning", out):
        log = logs.get("room")
        log.debug("too small")
        log.info("too small")
        log.warning("enough")
    assert [line["event"] for line in lines(out)] == ["enough"]


@pytest.mark.parametrize("value", NAMES)
def test_other_libraries_are_told_by_place_and_never_by_text(value: str) -> None:
    """A driver's message quotes the row it choked on."""
    out, before = io.StringIO(), withheld("library")
    with logs.configure("store", "info", out):
        try:
            raise ValueError(value)  # noqa: TRY301 - an exception to be logged
        except ValueError:
            logging.getLogger("driver").exception("row %s", value)
        logging.getLogger("driver").info("small talk of a library")
    (line,) = lines(out)
    assert value not in out.getvalue()
    assert (line["room"], line["event"], line["level"]) == ("driver", "library message", "error")
    assert line["where"].partition(":")[0].endswith("test_logs.py")
    assert line["exception"][0]["type"] == "builtins.ValueError"
    assert withheld("library") == before + 1


def test_the_end_of_configure_gives_everything_back() -> None:
    """Two services composed in one process, or two tests, do not see each other."""
    handlers = logging.getLogger().handlers[:]
    with logs.configure("outer", "info", io.StringIO()):
        inner = io.StringIO()
        with logs.configure("inner", "error", inner):
            logs.get("room").error("inside")
        assert lines(inner)[0]["service"] == "inner"
    assert logging.getLogger().handlers == handlers


def test_lines_go_to_stderr_of_the_moment(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream given, whoever redirected stderr gets them."""
    with logs.configure("store", "info"):
        logs.get("room").info("server started")
    assert json.loads(capsys.readouterr().err)["event"] == "server started"


@given(st.dictionaries(st.text(max_size=20), st.one_of(st.text(), st.integers(), st.floats(), st.none())))
def test_only_allowed_names_and_shapes_ever_leave(fields: dict[str, Any]) -> None:
    """Whatever a caller passes, what is kept is named in the list and has no blank in it."""
    for name, value in logs.allowed(fields, "log").items():
        assert name in logs.FIELDS
        assert not isinstance(value, str) or (
            len(value) <= 200 and not any(letter.isspace() for letter in value)
        )
