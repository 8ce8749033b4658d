"""Options that several commands share, so that they mean the same everywhere."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from chassis import errors
from ultrathink_cli.domain import layout
from ultrathink_cli.outbound import run_file

DATA_HELP = (
    "data directory of the platform; default ./.ultrathink (for root: a folder the database can reach)"
)

Data = Annotated[Path | None, typer.Option("--data", help=DATA_HELP, file_okay=False)]
Lang = Annotated[str, typer.Option("--lang", help="language of messages: en or ar")]
Port = Annotated[int, typer.Option("--port", help="HTTP port", min=1, max=65535)]
GrpcPort = Annotated[
    int, typer.Option("--grpc-port", help="gRPC port for internal systems", min=1, max=65535)
]
Url = Annotated[str | None, typer.Option("--url", help="gateway; default: the platform running on --data")]
Token = Annotated[str | None, typer.Option("--token", envvar="ULTRATHINK_TOKEN", help="bearer token")]


def language(lang: str) -> str:
    """Return the language of messages; Invalid `lang.unknown` for any but ours."""
    if lang not in {"en", "ar"}:
        raise errors.Invalid("lang.unknown", f"--lang is en or ar, not {lang}")
    return lang


def day(text: str, *, option: str = "--as-of") -> date:
    """Return a day a person typed; Invalid `as_of.invalid` for any other text."""
    try:
        return date.fromisoformat(text)
    except ValueError as cause:
        raise errors.Invalid("as_of.invalid", f"{option} is a day as YYYY-MM-DD, not {text}") from cause


def layout_of(data: Path | None) -> layout.Layout:
    """Return the layout of the named data directory, or of the default one."""
    return layout.Layout(data.resolve() if data else layout.default_data(Path.cwd()))


def running(data: Path | None) -> run_file.Running | None:
    """Return the platform that runs on the data directory, if one does."""
    return run_file.read(layout_of(data).run_file)
