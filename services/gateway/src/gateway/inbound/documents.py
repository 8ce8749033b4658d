"""The OpenAPI document and a page that shows it; the page is one HTML text that loads nothing."""

import functools
import html
import json
from typing import Any

import fastapi
import msgspec
from fastapi import Request
from fastapi.openapi import utils
from starlette.responses import Response

from gateway.inbound import contracts

TITLE = "Ultrathink"
DESCRIPTION = (
    "Takes health-insurance claims, says what is wrong with them and how likely each line is to be denied, "
    "and keeps them with a tamper-evident history. Errors are RFC 9457 problem documents."
)
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "summary{cursor:pointer;padding:.4rem 0}code,pre{font:14px/1.4 ui-monospace,monospace}"
    "pre{background:#f4f4f2;padding:.8rem;overflow:auto}table{border-collapse:collapse}"
    "td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}"
    "b{display:inline-block;min-width:3.5rem}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
MAX_EXAMPLE = 1_500  # characters of an example on the page; the document has all of it


def build(app: fastapi.FastAPI, *, schema_served: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of every route there is."""
    document = utils.get_openapi(
        title=TITLE, version=app.version, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    paths = document.setdefault("paths", {})
    for path, item in contracts.paths().items():
        paths.setdefault(path, {}).update(item)
    for name, members in contracts.components(schema_served=schema_served).items():
        document.setdefault("components", {}).setdefault(name, {}).update(members)
    return document


def mount(app: fastapi.FastAPI, *, schema_served: bool) -> None:
    """Serve the document at /openapi.json and the page at /docs; both are made when first asked for."""

    @functools.cache
    def made() -> tuple[bytes, bytes]:
        document = build(app, schema_served=schema_served)
        return msgspec.json.encode(document), render(document).encode()

    async def openapi(_: Request) -> Response:
        return Response(made()[0], media_type="application/json")

    async def docs(_: Request) -> Response:
        return Response(made()[1], headers={"content-security-policy": POLICY}, media_type="text/html")

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)


def render(document: dict[str, Any]) -> str:
    """Return the document as a page for people: every operation with its parameters, bodies and answers."""
    operations = [
        _operation(path, method, told)
        for path, item in document["paths"].items()
        for method, told in item.items()
    ]
    info = document["info"]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>{_text(info['title'])} API {_text(info['version'])}</h1><p>{_text(info['description'])}</p>"
        '<p>The machine-readable form is <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). Send '
        "<code>Authorization: Bearer …</code> wherever a lock is shown.</p>" + "".join(operations) + "</html>"
    )


def _operation(path: str, method: str, told: dict[str, Any]) -> str:
    lock = " 🔒" if told.get("security") else ""
    title = f"<b>{method.upper()}</b> <code>{_text(path)}</code> {_text(told['summary'])}{lock}"
    rows = "".join(
        f"<tr><td><code>{_text(one['name'])}</code><td>{one['in']}<td>{_text(one.get('description', ''))}"
        for one in told.get("parameters", [])
    )
    bodies = _contents("Send", told.get("requestBody", {}).get("content", {}))
    answers = "".join(_answer(status, one) for status, one in told["responses"].items())
    head = f"<summary>{title}</summary><p>{_text(told['description'])}</p>"
    return f"<details>{head}<table>{rows}</table>{bodies}{answers}</details>"


def _answer(status: str, told: dict[str, Any]) -> str:
    head = f"<p><b>{_text(status)}</b> {_text(told['description'])}</p>"
    return head + (_contents("Answer", told.get("content", {})) if status.startswith("2") else "")


def _contents(word: str, contents: dict[str, Any]) -> str:
    return "".join(
        f"<p>{word} <code>{_text(media_type)}</code></p><pre>{_text(_example(one.get('example')))}</pre>"
        for media_type, one in contents.items()
    )


def _example(example: object) -> str:
    text = example if isinstance(example, str) else json.dumps(example, indent=1)
    return text if len(text) <= MAX_EXAMPLE else text[:MAX_EXAMPLE] + "\n…"


def _text(text: object) -> str:
    return html.escape(str(text))
