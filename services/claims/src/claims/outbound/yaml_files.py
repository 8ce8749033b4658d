"""Files that a domain expert writes, as bytes and plain values: bounded, safe, told by name when broken.

Room: outbound; knows neither packs nor tables.
"""

import hashlib
import os
from pathlib import Path

import yaml

from chassis import errors

MAX_TEXT_BYTES = 4_000_000  # of one YAML file; the base pack is a fiftieth of it


def content(file: Path, most: int) -> bytes:
    """Return a file's bytes; raise Invalid `pack.invalid` where it is unreadable or larger than `most`."""
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            found = opened.read(min(size, most) + 1)  # as much as there is: a buffer of `most` would be held
    except OSError as cause:
        raise invalid(
            _name(file), "The file cannot be read.", "Check that it exists and may be read."
        ) from cause
    if len(found) > most:
        raise invalid(_name(file), f"The file is larger than {most} bytes.", "Split it.")
    return found


def parsed(name: str, text: bytes) -> object:
    """Return the plain value of YAML; raise Invalid `pack.invalid` with the place where it is none."""
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as cause:
        raise not_yaml(name, cause) from cause


def composed(name: str, text: bytes) -> yaml.Node | None:
    """Return the nodes of YAML, which know their places; raise Invalid `pack.invalid` where it is none."""
    try:
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as cause:
        raise not_yaml(name, cause) from cause


def not_yaml(name: str, cause: Exception) -> errors.Invalid:
    """Return the fault of a text that is not YAML, with the place where that shows."""
    if not isinstance(cause, yaml.MarkedYAMLError):
        return invalid(name, "The file is not YAML.", "Write it as UTF-8 text.")
    mark = cause.problem_mark
    place = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
    return invalid(name, f"The file is not YAML{place}.", "Check indentation and quotation marks.")


def digest(parts: list[tuple[str, bytes]]) -> str:
    """Return the SHA-256 of names and contents, each led by its length so that no two lists share a text."""
    whole = hashlib.sha256()
    for name, text in parts:
        for part in (name.encode(), text):
            whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


def invalid(name: str, message: str, remedy: str) -> errors.Invalid:
    """Return the fault of one file."""
    violation = errors.Violation(name, "file.invalid", f"{message} {remedy}")
    return errors.Invalid("pack.invalid", f"{name}: {message} {remedy}", violations=(violation,))


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"
