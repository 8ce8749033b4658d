"""The OpenAPI document tells of every route there is and of none that is not; its examples are real."""

import json
from typing import Any

import msgspec
import pytest
from fastapi.openapi import models
from starlette.routing import Route

import gateway_support as support
from claims.domain import decisions
from gateway.inbound import documents, examples

HIDDEN = {"/openapi.json", "/docs"}


async def _document(stage: support.Stage) -> dict[str, Any]:
    async with support.client(stage.app) as client:
        answer = await client.get("/openapi.json")
    return dict(answer.json())


def _routes(stage: support.Stage) -> set[tuple[str, str]]:
    framework = stage.app._app
    found: set[tuple[str, str]] = set()
    for route in framework.routes:  # type: ignore[attr-defined]
        if not isinstance(route, Route):
            assert not hasattr(route, "path")
            continue
        shown = route.path.replace(":path", "")  # a convertor of the router, no part of the address
        methods = route.methods or ()
        found |= {(shown, method) for method in methods if route.path not in HIDDEN and method != "HEAD"}
    return found


async def test_the_document_names_exactly_the_routes_that_exist() -> None:
    """Nothing is promised that is not served, nothing is served that is not documented."""
    stage = support.stage()
    document = await _document(stage)
    told = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    assert told == _routes(stage)
    assert ("/api/v1/schemas/claim.json", "GET") in told


async def test_the_document_is_valid_openapi() -> None:
    """It parses as OpenAPI 3.1, operation ids are unique, and every inner reference leads somewhere."""
    document = await _document(support.stage())
    assert document["openapi"] == "3.1.0"
    models.OpenAPI.model_validate(document)
    ids = [told["operationId"] for item in document["paths"].values() for told in item.values()]
    assert len(ids) == len(set(ids))
    for reference in _references(document):
        if reference.startswith("#/"):
            place: Any = document
            for step in reference[2:].split("/"):
                place = place[step]
        else:
            assert reference == "/api/v1/schemas/claim.json"


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    if isinstance(part, list):
        return [found for value in part for found in _references(value)]
    return []


async def test_everything_but_probes_and_descriptions_is_locked() -> None:
    """The document says where a token is needed, and it is right."""
    document = await _document(support.stage())
    unlocked = {
        path for path, item in document["paths"].items() for told in item.values() if not told["security"]
    }
    assert unlocked == {
        "/healthz", "/readyz", "/metrics", "/api/health", "/api/fhir/metadata", "/api/v1/schemas/claim.json",
    }  # fmt: skip


def test_the_example_of_a_decision_is_one() -> None:
    """The example fits the platform's own type, so that a client built from it fits too."""
    decision = msgspec.convert(examples.DECISION, decisions.Decision)
    assert decision.id == examples.ID


def test_the_example_of_a_problem_is_one() -> None:
    """The example has the shape that every refusal has."""
    assert msgspec.convert(examples.PROBLEM, support.Problem).status == 422


async def test_the_docs_page_loads_nothing_from_anywhere() -> None:
    """It names every route, runs no script, and asks no other address: it works without a network."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.get("/docs")
    page = answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src" not in answer.headers["content-security-policy"]
    for forbidden in ("<script", "src=", "http://", "@import", "<link"):
        assert forbidden not in page.replace("http://hl7.org", "").replace("http://nphies.sa", "")
    for path, _ in _routes(stage):
        assert path in page


def test_the_page_escapes_what_it_shows() -> None:
    """A document with markup in it stays text."""
    document = {
        "info": {"title": "<b>", "version": "1", "description": "&"},
        "paths": {"/<i>": {"get": {"summary": "<script>", "description": "", "responses": {}}}},
    }
    page = documents.render(document)
    assert "<script>" not in page
    assert "&lt;i&gt;" in page


async def test_the_schema_is_served_as_it_is() -> None:
    """The committed file, byte for byte."""
    async with support.client(support.stage().app) as client:
        answer = await client.get("/api/v1/schemas/claim.json")
    assert answer.content == support.SCHEMA
    assert answer.headers["content-type"] == "application/schema+json"


async def test_without_a_schema_there_is_no_such_route() -> None:
    """A route that has nothing behind it does not exist, nor does the document speak of it."""
    stage = support.stage(schema=None)
    async with support.client(stage.app) as client:
        answer = await client.get("/api/v1/schemas/claim.json")
    support.problem(answer, 404, "route.unknown")
    assert "schemas/claim.json" not in json.dumps(await _document(stage))


@pytest.mark.parametrize("name", ["CLAIM", "DECISION", "REVIEW"])
def test_examples_name_nobody(name: str) -> None:
    """No example carries a national id or a name."""
    text = json.dumps(getattr(examples, name))
    assert '"name": "' not in text.replace('"name": "denial"', "")
    assert "national_id" not in text
