"""What schemathesis checks beside its own; it imports this module by its name.

OpenAPI cannot say that parameters belong together. So a request that fits the document
may be refused for that, and for nothing else.
"""

from __future__ import annotations

from typing import Any

import schemathesis

TOGETHER = (
    "q: the query holds no word to search for",
    "text: the query holds no word to search for",
    "expected exactly one of topic_id, url and text",
    "page: page times k is more than 200",
)

LANGUAGES = {"lang", "language"}


@schemathesis.check
def refused_only_for_what_no_schema_says(
    _: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    is_fit = case.meta is not None and case.meta.generation.mode.is_positive
    if is_fit and response.status_code == 422:
        problem = response.json()
        # Not each code that could be one stands for a language.
        is_language = {e["parameter"] for e in problem["errors"]} <= LANGUAGES
        assert is_language or problem["detail"] in TOGETHER, problem["detail"]


@schemathesis.check
def an_error_is_a_problem_and_shows_no_trace(
    _: schemathesis.CheckContext,
    response: schemathesis.Response,
    _case: schemathesis.Case[Any],
) -> None:
    assert "Traceback" not in response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        assert len(response.content) < 2_000
