"""What an operator may set for scoring; nothing else of the environment is read in this room."""

from pathlib import Path

import pydantic

from chassis import settings


class ScoringSettings(settings.ServiceSettings):
    """Settings of one scoring process, frozen once read."""

    bundle_dir: Path = Path("packs/models/denial-demo")
    """Folder of the model bundle. Default: the simulated one that the repository carries, relative to its
    root; a process that does not find it, or finds it changed, refuses to start."""

    scoring_threads: int = pydantic.Field(default=1, ge=1, le=16)
    """Threads of onnxruntime per model. Default 1: a second one beside busy neighbours raised the 99th
    percentile five-fold; scale by processes instead."""

    scoring_inline_rows: int = pydantic.Field(default=32, ge=0, le=10_000)
    """Lines up to which a batch is scored on the event loop; larger ones go to the worker thread. Default 32:
    about a millisecond, less than what handing over costs a busy loop."""
