"""One round: load, a fault in its midst, load again, and then every promise is looked at."""

import dataclasses
import json
import time

from chaos import books, faults, senders, stages

READY_SECONDS = 60.0  # the supervisor waits up to 10 s for what died several times; the machine may be busy
WARM, AFTER = 20, 40  # claims acknowledged before and after the fault
SAMPLE = 8
LOGGED = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a round showed; `complaints` is empty when every promise held."""

    fault: str
    seconds: float
    acknowledged: int
    answers: dict[str, int]
    slowest_seconds: float
    ready_seconds: float
    complaints: list[str]
    logs: dict[str, list[str]]


def run(stage: stages.Stage, fault: faults.Fault, number: int, *, singles: int = 3, files: int = 1) -> Report:
    """Return what one round showed."""
    book, began = stage.book, time.monotonic()
    book.turn(fault.tolerated)
    heard, known = len(book.complaints), len(book.acknowledged)
    crowd = senders.Crowd(stage.platform, book, singles=singles, files=files, prefix=f"CH{number}")
    with crowd:
        crowd.wait_for(stage.dice.whole(1, WARM))
        fault.act(stage)
        ready = stage.until(stage.ready, "ready again", READY_SECONDS)
        crowd.wait_for(AFTER)
    _look(stage)
    return Report(
        fault=fault.name,
        seconds=round(time.monotonic() - began, 1),
        acknowledged=len(book.acknowledged) - known,
        answers=dict(book.answers),
        slowest_seconds=round(book.slowest, 2),
        ready_seconds=round(ready, 1),
        complaints=book.complaints[heard:],
        logs=_troubles(stage) if book.complaints[heard:] else {},
    )


def _look(stage: stages.Stage) -> None:
    book = stage.book
    try:
        book.compare(stage.platform.stored())
    except AssertionError as cause:
        book.complain(f"the record could not be listed: {str(cause)[:200]}")
        return
    names = sorted(book.acknowledged)
    for claim_id in {stage.dice.one(names) for _ in range(SAMPLE)}:
        _read(stage, claim_id, book.acknowledged[claim_id])
        senders.post(stage.platform, book, *book.bodies[claim_id])  # must be told the same again
    done = stage.platform.command("verify-audit")
    if done.returncode:
        book.complain(f"verify-audit: {(done.stdout + done.stderr)[-300:]}")


def _troubles(stage: stages.Stage) -> dict[str, list[str]]:
    """Return the last errors and warnings of each room's log."""
    told: dict[str, list[str]] = {}
    for log in (stage.platform.data / "logs").glob("*.log"):
        lines = log.read_text(errors="replace").splitlines()
        told[log.stem] = [line for line in lines if '"level":"info"' not in line][-LOGGED:]
    return told


def _read(stage: stages.Stage, claim_id: str, told: books.Receipt) -> None:
    status, body = stage.platform.get(f"/api/v1/claims/{told.id}")
    if status != 200:
        stage.book.complain(f"{claim_id} could not be read: {status}")
        return
    decision = json.loads(body)["decision"]
    if (decision["claim_id"], decision["content_hash"]) != (claim_id, told.content_hash):
        stage.book.complain(f"{claim_id} is recorded with another content")
