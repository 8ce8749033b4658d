"""What an operator may set for scoring; nothing else of the environment is read in this room."""

from pathlib import Path
from typing import Annotated

import pydantic
import pydantic_settings

from chassis import settings


class ScoringSettings(settings.ServiceSettings):
    """Settings of one scoring process, frozen once read."""

    bundle_dir: Path = Path("packs/models/denial-demo")
    """Folder of the model bundle. Default: the simulated one that the repository carries, relative to its
    root; a process that does not find it, or finds it changed, refuses to start."""

    canary_bundle_dir: Path | None = None
    """Folder of the bundle on trial that answers a share of the claims. Default none. One that cannot be
    loaded is reported and left out; the stable arm answers everything."""

    canary_percent: float = pydantic.Field(default=0.0, ge=0, le=100)
    """Share of claims that meet the canary, in percent, chosen by a hash of what identifies a claim. Default
    0: a canary is loaded and waits."""

    canary_timeout_ms: int = pydantic.Field(default=50, ge=1, le=10_000)
    """Milliseconds the canary may take for its part of a batch before the stable arm answers in its place.
    Default 50: ten times what a batch of a hundred lines takes."""

    shadow_bundle_dir: Path | None = None
    """Folder of the bundle that scores every claim a second time, after the answer, for comparison. Default
    none. One that cannot be loaded is reported and left out."""

    shadow_waiting_rows: int = pydantic.Field(default=20_000, ge=1, le=1_000_000)
    """Lines that may wait for the shadow; beyond it they are not shadowed, and counted. Default 20,000: some
    20 MB."""

    anomaly_bundle_dir: Path | None = Path("packs/models/anomaly-demo")
    """Folder of the bundle that tells what is unusual among peers. Default: the simulated one that the
    repository carries, relative to its root; a process that does not find it, or finds it changed, refuses to
    start."""

    arms_state_dir: Path | None = None
    """Folder of the file that keeps promotions and roll backs over a restart. Default none: a restart returns
    to the settings. Processes that share the folder follow each other's decisions when they restart."""

    completion_bundles: Annotated[tuple[Path, ...], pydantic_settings.NoDecode] = (
        Path("packs/models/diagnosis-completion-demo"),
        Path("packs/models/amount-completion-demo"),
    )
    """Folders of the bundles that suggest what claims leave open, separated by commas; a claim is put to one
    that knows its regime, code systems and currency, of equals to the first. Default: the simulated ones
    that the repository carries. A comma alone: none, every suggestion is refused. One that cannot be loaded
    is reported and left out."""

    scoring_threads: int = pydantic.Field(default=1, ge=1, le=16)
    """Threads of onnxruntime per model; it serves bundles whose trees have more than 64 leaves. Default 1: a
    second one beside busy neighbours raised the 99th percentile five-fold; scale by processes instead."""

    scoring_inline_rows: int = pydantic.Field(default=256, ge=0, le=10_000)
    """Lines up to which a batch is scored on the event loop; larger ones go to the worker thread. Default:
    256, some five milliseconds. Handing over costs turns of the processor, and gives back only what is
    computed without the interpreter."""

    @pydantic.field_validator("completion_bundles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(Path(part.strip()) for part in value.split(",") if part.strip())
