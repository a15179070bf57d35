"""How the endpoint describes itself: OpenAPI, with every answer that there is."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from kb.api.answers import Problem
from kb.api.asking import Feedback, RelatedParameters
from kb.api.problems import MEDIA_TYPE

_REFERENCE = "#/components/schemas/"
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
_BODIES: tuple[type[BaseModel], ...] = (Feedback, RelatedParameters)
_MEANINGS = {
    304: "It is still the answer that `If-None-Match` names.",
    400: "The request cannot be read.",
    401: "The key is unknown, or was revoked.",
    403: "The key does not let in here.",
    404: "There is no such thing, or it is not for everybody.",
    406: "Answers are `application/json`.",
    408: "The body took too long to arrive.",
    413: "The body is too long.",
    414: "The address is too long.",
    415: "Bodies are `application/json`.",
    422: "Parameters are unknown, or do not fit; `errors` names them.",
    429: "Too many requests; `Retry-After` says when to come again.",
    431: "The headers are too long.",
    500: "A bug.",
    503: "The knowledge base cannot be used now, or too much is asked at once.",
    504: "It took too long.",
}
_ALWAYS = (400, 414, 431, 500)
API = (*_ALWAYS, 401, 406, 422, 429, 503, 504)
"""What each route below ``/api/`` may answer, too."""
BODY = (408, 413, 415)

# A key is welcome, and not needed; or there must be one.
OPTIONAL_KEY: dict[str, Any] = {"security": [{}, {"bearer": []}, {"key": []}]}
NEEDED_KEY: dict[str, Any] = {"security": [{"bearer": []}, {"key": []}]}


def by_query(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of *model* as parameters of a query string.

    FastAPI could read them itself, in half the time that a whole request may take.
    """
    schema = model.model_json_schema(ref_template=f"{_REFERENCE}{{model}}")
    told = [
        {"name": name, "in": "query", "schema": _without_null(each)}
        for name, each in schema["properties"].items()
    ]
    return {"parameters": told}


def by_body(model: type[BaseModel]) -> dict[str, Any]:
    """*model* as the body of a request; `describe` adds it to what there is."""
    reference = {"$ref": f"{_REFERENCE}{model.__name__}"}
    content = {"application/json": {"schema": reference}}
    return {"requestBody": {"required": True, "content": content}}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    # A query string has no null: what is not there is left out.
    kept = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kept) != 1 or len(kept) == len(schema.get("anyOf", ())):
        return schema
    others = {k: v for k, v in schema.items() if k not in ("anyOf", "default")}
    return {**kept[0], **others}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside its answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_REFERENCE}Problem"}}}
    told: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*_ALWAYS, *statuses}):
        told[status] = {"description": _MEANINGS[status]}
        if status != 304:
            told[status]["content"] = content
    return told


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of *app*."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    problem = TypeAdapter(Problem).json_schema(ref_template=f"{_REFERENCE}{{model}}")
    schemas = components.setdefault("schemas", {})
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    for model in _BODIES:
        schema = model.model_json_schema(ref_template=f"{_REFERENCE}{{model}}")
        schemas |= {model.__name__: schema} | schema.pop("$defs", {})
    components["securitySchemes"] = _SECURITY
    return document
