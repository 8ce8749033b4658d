"""A broken promise is seen: what the book of a chaos run complains about."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chaos import books, proxies


def decision(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return the parts of a decision that a book reads."""
    told = {"id": f"id-{number}", "claim_id": f"C-{number}", "content_hash": "aa", "verdict": "accept"}
    return {**told, "risk": {"state": "scored"}, **changes}


@pytest.fixture
def book() -> books.Book:
    """A book in which one claim was acknowledged."""
    made = books.Book()
    made.acknowledge(decision())
    return made


def test_the_same_answer_again_is_right(book: books.Book) -> None:
    """A claim that is sent again has its first decision, and is recorded once."""
    book.acknowledge(decision())
    book.compare({"C-1": ["id-1"]})
    assert book.complaints == []


@pytest.mark.parametrize(
    ("stored", "word"),
    [
        ({}, "lost"),
        ({"C-1": ["another"]}, "lost"),
        ({"C-1": ["id-1", "id-2"]}, "doubled"),
        ({"C-1": ["id-1"], "C-2": ["id-2"]}, "never acknowledged"),
    ],
)
def test_a_record_that_is_not_what_was_acknowledged(
    book: books.Book, stored: dict[str, list[str]], word: str
) -> None:
    """Lost, recorded as another, recorded twice, recorded for nobody."""
    book.compare(stored)
    (complaint,) = book.complaints
    assert word in complaint


@pytest.mark.parametrize(
    "changes",
    [{"id": "id-9"}, {"content_hash": "bb"}, {"verdict": "review"}],
    ids=lambda one: next(iter(one)),
)
def test_another_answer_than_before(book: books.Book, changes: dict[str, Any]) -> None:
    """Id, content and verdict of a claim stay."""
    book.acknowledge(decision(**changes))
    assert len(book.complaints) == 1


def test_a_claim_without_a_score_goes_to_a_person(book: books.Book) -> None:
    """Review is right, acceptance is low risk out of nothing."""
    book.acknowledge(decision(2, verdict="review", risk={"state": "not_scored"}))
    assert book.complaints == []
    book.acknowledge(decision(3, risk={"state": "not_scored"}))
    assert book.complaints == ["C-3 was accepted without a score"]


def test_refusals_that_pass_and_those_that_do_not(book: books.Book) -> None:
    """Later is an answer when it says when; a closed door is none, unless the fault explains it."""
    book.refuse(503, "storage.unavailable", "1")
    book.refuse(0, "no answer", None)
    assert book.complaints == []
    book.refuse(503, "storage.unavailable", None)
    book.refuse(401, "token.expired", None)
    assert len(book.complaints) == 2
    book.turn(frozenset({401}))
    book.refuse(401, "token.expired", None)
    assert len(book.complaints) == 2


def test_an_answer_long_after_its_deadline_hangs(book: books.Book) -> None:
    """The slowest is remembered, and told when nobody should have waited so long."""
    book.took(3.0, "an answer")
    assert book.complaints == []
    book.took(books.DEADLINE_SECONDS + books.LATE_SECONDS + 1, "an answer")
    assert "hung" in book.complaints[0]


@pytest.fixture
def echo() -> Iterator[str]:
    """Where somebody listens who sends back what comes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            peer, _ = listening.accept()
            with peer, contextlib.suppress(ConnectionResetError):
                while piece := peer.recv(100):
                    peer.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_proxy_relays_stalls_and_resets(echo: str) -> None:
    """What is stalled comes later, what is reset never, and the caller hears of it."""
    with (
        proxies.between({"room": lambda: echo}) as made,
        socket.create_connection(("127.0.0.1", made["room"].port), 10) as caller,
    ):
        caller.sendall(b"one")
        assert caller.recv(100) == b"one"
        made["room"].stall()
        caller.sendall(b"two")
        made["room"].flow()
        assert caller.recv(100) == b"two"
        made["room"].reset()
        with pytest.raises(ConnectionResetError):
            caller.recv(100)
