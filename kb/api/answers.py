"""What the endpoint says, as JSON: stable, and documented by ``/openapi.json``.

Texts are text, never HTML. Places in texts are counted in Unicode code points (not in
UTF-16 units, as scripts in a browser count), the end exclusive.

Answers are plain dataclasses: making models of ten hits costs three times as long as
writing them as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from kb.instant.records import NoteCode, Why
from kb.types import Kind

Span = tuple[int, int]

Details = Annotated[
    Mapping[str, str | int | datetime | tuple[str, ...]],
    Field(description="what is known of a course, an event or a video"),
]


@dataclass(frozen=True, slots=True)
class Hit:
    """One document, with the passage of it that answers best, as plain text."""

    id: Annotated[int, Field(description="of the document, for /api/documents/{id}")]
    title: str
    title_highlights: tuple[Span, ...]
    url: Annotated[str, Field(description="leads to the passage, not only to the page")]
    kind: Kind
    source: str
    language: str | None
    version: str | None
    category: str | None
    tags: tuple[str, ...]
    solved: bool
    closed: Annotated[bool, Field(description="of a thread: nobody may answer")]
    created_at: datetime | None
    updated_at: datetime | None
    heading: str
    passage: str
    highlights: Annotated[tuple[Span, ...], Field(description="in `passage`")]
    details: Details
    score: Annotated[
        float, Field(description="comparable within one answer and kind alone")
    ]
    confidence: Annotated[
        float, Field(description="calibrated: how likely it helps, 0 to 1")
    ]
    why: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """How many of the documents that were found have a value."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Remark:
    """A part of the query that was searched as plain text, and why."""

    code: NoteCode
    token: str


@dataclass(frozen=True, slots=True)
class Understood:
    """The query as it was taken apart."""

    text: str
    phrases: tuple[str, ...]
    excluded: tuple[str, ...]
    filters: Annotated[
        Mapping[str, tuple[str, ...]],
        Field(description="by the names of the parameters"),
    ]
    notes: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What ``GET /api/search`` returns; hits best first."""

    query: str
    understood: Understood
    language: Annotated[
        str | None, Field(description="of the query, where that can be told")
    ]
    page: int
    k: int
    total: int
    more: Annotated[bool, Field(description="there is a next page")]
    weak: Annotated[bool, Field(description="nothing of it is likely to help")]
    did_you_mean: str | None
    corrected: Mapping[str, str]
    hits: tuple[Hit, ...]
    near: Annotated[
        tuple[Hit, ...], Field(description="where nothing was found: what is close")
    ]
    facets: Mapping[str, tuple[Value, ...]]
    generation: Annotated[int, Field(description="of the knowledge base")]
    timings: Annotated[Mapping[str, float], Field(description="milliseconds by stage")]
    took_ms: float


@dataclass(frozen=True, slots=True)
class RelatedAnswer:
    """What ``/api/related`` returns; hits best first."""

    hits: tuple[Hit, ...]
    took_ms: float


@dataclass(frozen=True, slots=True)
class PassageAnswer:
    """A passage of a document."""

    url: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """What ``GET /api/documents/{id}`` returns."""

    id: int
    title: str
    url: str
    kind: Kind
    source: str
    language: str | None
    version: str | None
    category: str | None
    tags: tuple[str, ...]
    solved: bool
    closed: bool
    created_at: datetime | None
    updated_at: datetime | None
    details: Details
    passages: tuple[PassageAnswer, ...]


@dataclass(frozen=True, slots=True)
class StatsAnswer:
    """What ``GET /api/stats`` returns."""

    documents: Mapping[Kind, int]
    languages: Mapping[str, int]
    passages: int
    model: str
    generation: int
    lag: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What ``GET /healthz`` returns."""

    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one parameter."""

    parameter: str
    problem: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a request, or with us: RFC 9457."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: Annotated[
        tuple[Complaint, ...] | None,
        Field(description="by parameter, where the caller can mend it"),
    ] = None
    error: Annotated[
        str | None, Field(description="what kind of trouble the operator has")
    ] = None
    trouble: Annotated[
        str | None, Field(description="the detail once more, for the search page")
    ] = None
