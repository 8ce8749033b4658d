"""Puts the scoring room together: bundles → estimators → arms → use cases → door. Sees every room, alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent import futures
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import grpc

from chassis import apps, errors, logs
from chassis import clock as clocks
from scoring import ports
from scoring import settings as options
from scoring.domain import arms, completion_models
from scoring.inbound import scorer
from scoring.outbound import anomaly_bundles, arm_files, bundles, completion_bundles, estimators
from scoring.usecases import answer, complete, crew, explain, gather, score, shadow, unusual
from ultrathink.scoring.v1 import scoring_pb2_grpc

CALLERS = {
    f"/{scorer.NAME}/{method}": frozenset({"claims", "cli"})
    for method in ("Score", "ScoreStream", "Explain", "GetModel", "Complete")
} | {f"/{scorer.NAME}/{method}": frozenset({"cli"}) for method in ("CompareArms", "PromoteArm", "RollBack")}
SEATS = (arms.STABLE, *arms.CANDIDATES)
COMPLETION = "completion"  # its thread: suggestions wait for one another, never a score for them

type Workers = Mapping[str, futures.ThreadPoolExecutor]


@asynccontextmanager
async def compose(
    settings: options.ScoringSettings, *, clock: clocks.Clock | None = None
) -> AsyncIterator[apps.App]:
    """Yield the scoring app, its bundles verified and its models warm.

    Raises Invalid for a bad bundle of the stable arm or of anomalies; another's is reported, and left out.
    """
    clock = clock or clocks.SystemClock()
    with _workers() as workers:
        loop = asyncio.get_running_loop()
        crew_ = await loop.run_in_executor(workers[arms.STABLE], _crew, settings, workers, clock)
        watching = await loop.run_in_executor(workers[arms.STABLE], _unusual, settings, workers, crew_)
        shadowing = shadow.Shadow(workers[arms.SHADOW], waiting_rows=settings.shadow_waiting_rows)
        answering = answer.Answer(crew_, shadowing, clock, canary_seconds=settings.canary_timeout_ms / 1000)
        gathering = gather.Gather(answering, crew_, clock)
        served = await loop.run_in_executor(workers[COMPLETION], _completions, settings)
        completing = complete.Complete(served, worker=workers[COMPLETION])
        rooms = scorer.Rooms(
            answering, gathering, explain.Explain(answering), crew_, shadowing, completing, watching
        )
        servicer = scorer.Scorer(rooms, clock)

        def register(server: grpc.aio.Server) -> None:
            scoring_pb2_grpc.add_ScorerServicer_to_server(servicer, server)

        async def ready() -> apps.Readiness:
            model = crew_.lineup.stable.candidate.model
            return apps.Readiness(ok=True, detail=f"{model.name} {model.revision[:12]}")

        pairing = asyncio.create_task(shadowing.run())
        try:
            yield apps.App(
                name="scoring", register=register, service_names=(scorer.NAME,), callers=CALLERS, ready=ready
            )
        finally:
            await gathering.aclose()
            pairing.cancel()
            with suppress(asyncio.CancelledError):
                await pairing


@contextmanager
def _workers() -> Iterator[Workers]:
    """Yield one thread per arm and one for completion; at the end nobody waits for an arm on trial."""
    names = (*SEATS, COMPLETION)
    made = {name: futures.ThreadPoolExecutor(1, thread_name_prefix=f"scoring-{name}") for name in names}
    try:
        yield made
    finally:
        for name, worker in made.items():
            worker.shutdown(wait=name not in arms.CANDIDATES, cancel_futures=True)


def _crew(settings: options.ScoringSettings, workers: Workers, clock: clocks.Clock) -> crew.Crew:
    """Return the arms of the settings, changed by what operators decided."""
    stable = _candidate(settings.bundle_dir, settings, clock)
    named, refused = {arms.STABLE: stable}, {}
    for arm, folder in (
        (arms.CANARY, settings.canary_bundle_dir),
        (arms.SHADOW, settings.shadow_bundle_dir),
    ):
        if folder is None:
            continue
        try:
            named[arm] = _beside(stable, _candidate(folder, settings, clock))
        except errors.Fault as fault:
            refused[arm] = fault
            logs.get("scoring.arms").error("arm refused", arm=arm, reason=fault.reason, exc_info=fault)

    def seating(arm: str, candidate: crew.Candidate) -> crew.Seat:
        inline = settings.scoring_inline_rows if arm == arms.STABLE else -1  # never on the event loop
        scoring = score.Score(
            candidate.model, candidate.estimator, worker=workers[arm], clock=clock, inline_rows=inline
        )
        return crew.Seat(arm, candidate, scoring)

    return crew.Crew(named, refused, seating=seating, store=_store(settings), percent=settings.canary_percent)


def _completions(settings: options.ScoringSettings) -> list[completion_models.Served]:
    """Return the completion bundles that can be loaded, warm; one that cannot is reported and left out."""
    served = []
    for folder in settings.completion_bundles:
        try:
            served.append(completion_bundles.load(folder))
        except errors.Fault as fault:
            logs.get("scoring.completion").error(
                "completion bundle refused", bundle=folder.name, reason=fault.reason, exc_info=fault
            )
    complete.warm(served)
    return served


def _unusual(settings: options.ScoringSettings, workers: Workers, crew_: crew.Crew) -> unusual.Unusual | None:
    """Return what tells anomalies, warm; None where the settings name no bundle."""
    if settings.anomaly_bundle_dir is None:
        return None
    model = anomaly_bundles.load(settings.anomaly_bundle_dir)
    ours, theirs = crew_.lineup.stable.candidate.model.row_schema_hash, model.row_schema_hash
    if ours != theirs:
        raise _other_rows("The anomaly bundle", theirs, ours)
    found = unusual.Unusual(model, worker=workers[arms.STABLE])
    found.warm()
    return found


def _store(settings: options.ScoringSettings) -> ports.ArmStore:
    """Return where decisions are kept: without a folder, as long as the process lives."""
    folder = settings.arms_state_dir
    return arm_files.NoArmStore() if folder is None else arm_files.FileArmStore(folder)


def _candidate(folder: Path, settings: options.ScoringSettings, clock: clocks.Clock) -> crew.Candidate:
    """Return the verified bundle's model, warm."""
    bundle = bundles.load(folder)
    estimator = estimators.of(bundle, threads=settings.scoring_threads)
    return crew.Candidate(bundle.model, estimator, clock)


def _beside(stable: crew.Candidate, candidate: crew.Candidate) -> crew.Candidate:
    """Return the candidate, or raise Invalid `arms.schema` when it reads other rows than the stable arm."""
    ours, theirs = stable.model.row_schema_hash, candidate.model.row_schema_hash
    if ours != theirs:
        raise _other_rows("It", theirs, ours)
    return candidate


def _other_rows(who: str, theirs: str, ours: str) -> errors.Invalid:
    """Return the fault of a bundle that cannot be asked about the same batch as the stable arm."""
    message = (
        f"{who} reads rows of schema {theirs[:12]}, the stable arm {ours[:12]}: one batch cannot serve both."
    )
    return errors.Invalid("arms.schema", message)
