"""Puts the scoring room together: bundle → estimator → use cases → door. Sees every room, alone."""

import asyncio
from collections.abc import AsyncIterator
from concurrent import futures
from contextlib import asynccontextmanager

import grpc

from chassis import apps
from chassis import clock as clocks
from scoring import settings as options
from scoring.inbound import scorer
from scoring.outbound import bundles, onnx
from scoring.usecases import explain, score
from ultrathink.scoring.v1 import scoring_pb2_grpc

CALLERS = {
    f"/{scorer.NAME}/{method}": frozenset({"claims", "cli"})
    for method in ("Score", "ScoreStream", "Explain", "GetModel")
}


@asynccontextmanager
async def compose(
    settings: options.ScoringSettings, *, clock: clocks.Clock | None = None
) -> AsyncIterator[apps.App]:
    """Yield the scoring app, its bundle verified and its models warm; raises Invalid for a bad bundle."""
    clock = clock or clocks.SystemClock()
    with futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring") as worker:
        bundle, estimator = await asyncio.get_running_loop().run_in_executor(worker, _load, settings)
        scoring = score.Score(
            bundle.model, estimator, worker=worker, clock=clock, inline_rows=settings.scoring_inline_rows
        )
        servicer = scorer.Scorer(bundle.model, scoring, explain.Explain(scoring), clock)

        def register(server: grpc.aio.Server) -> None:
            scoring_pb2_grpc.add_ScorerServicer_to_server(servicer, server)

        async def ready() -> apps.Readiness:
            return apps.Readiness(ok=True, detail=f"{bundle.model.name} {bundle.model.revision[:12]}")

        yield apps.App(
            name="scoring", register=register, service_names=(scorer.NAME,), callers=CALLERS, ready=ready
        )


def _load(settings: options.ScoringSettings) -> tuple[bundles.Bundle, onnx.OnnxEstimator]:
    """Return the verified bundle and its warm models."""
    bundle = bundles.load(settings.bundle_dir)
    estimator = onnx.OnnxEstimator(bundle.onnx, threads=settings.scoring_threads)
    estimator.warm()
    return bundle, estimator
