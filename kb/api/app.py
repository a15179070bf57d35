"""The query endpoint; public text only, unless a key says more.

Import this module only to serve: it brings FastAPI with it.

=============================  ======================================================
``GET /api/search``            documents that answer a query, facets, what was meant
``GET, POST /api/related``     documents that answer a topic, a page, or a text
``GET /api/documents/{id}``    a document with all of its text
``POST /api/feedback``         a word on a hit: it helped, or did not
``GET /api/stats``             what is held
``/healthz``, ``/readyz``      the process lives; searches can be answered
``/metrics``                   for Prometheus
``/openapi.json``              all of this, for programs
``/opensearch.xml``            the search page, for browsers
=============================  ======================================================

Errors are problem documents, see `kb.api.problems`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Annotated, TypeVar

from fastapi import FastAPI, Path, Request, Response
from pydantic import BaseModel, ValidationError

from kb.api.addresses import base_url, opensearch
from kb.api.answers import (
    Complaint,
    DocumentAnswer,
    HealthAnswer,
    RelatedAnswer,
    SearchAnswer,
    StatsAnswer,
)
from kb.api.asking import (
    MAX_DEPTH,
    Feedback,
    Id,
    RelatedParameters,
    SearchParameters,
    cleaned,
    misnamed,
)
from kb.api.backend import Backend, Reader, count_search
from kb.api.clients import RateLimit
from kb.api.desk import Desk
from kb.api.edge import Edge
from kb.api.limits import LIMITS, Limits
from kb.api.meters import CONTENT_TYPE, Meters
from kb.api.problems import (
    API_HEADERS,
    ProblemError,
    add_problems,
    refused,
    trouble_response,
    unfit,
)
from kb.api.reading import (
    document_answer,
    related_answer,
    search_answer,
    stats_answer,
)
from kb.api.schema import (
    API,
    BODY,
    NEEDED_KEY,
    OPTIONAL_KEY,
    by_body,
    by_query,
    describe,
    problems,
)
from kb.api.settings import ApiSettings
from kb.api.telling import Written, respond, written
from kb.errors import InvalidQueryError, KBError
from kb.instant.records import Results
from kb.types import DocumentId

T = TypeVar("T")
Sent = TypeVar("Sent", bound=BaseModel)
Asked = TypeVar("Asked", SearchParameters, RelatedParameters)

METRICS_SCOPE = "metrics"
_ASIDE_THREADS = 2
_NO_STORE = {**API_HEADERS, "Cache-Control": "no-store"}
_ONE_OF = ("topic_id", "url", "text")


def create_app(
    backend: Backend, settings: ApiSettings, limits: Limits = LIMITS
) -> FastAPI:
    """The application; hand it to a server, see `kb.api.serving`.

    Its ``state`` has what pages that are added to it need, too: ``desk``, which runs
    what waits for the backend (`kb.api.desk.Desk.run`), ``related_desk``, which does so
    for all that is related, and ``meters``. Each request's has who asks: ``reader``,
    and ``client``, which tells clients apart; and ``is_head``: nobody reads what is
    found, and it is not counted.
    """
    app = FastAPI(
        title="Baraza",
        version="1",
        description="Searches a community's threads, manuals, courses and videos.",
        # Their pages load scripts from a foreign host.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # Or each address is two.
        redirect_slashes=False,
    )
    meters = Meters()
    opened = partial(
        Desk, wait_s=limits.search_wait_s, timeout_s=settings.search_timeout_s
    )
    # What waits for no search: keys, and whether searches can be answered.
    aside = opened(
        "aside",
        at_once=_ASIDE_THREADS,
        waiting=limits.searches_waiting,
    )
    desk = opened(
        "search",
        at_once=limits.searches_at_once,
        waiting=limits.searches_waiting,
    )
    # What is related takes longer, and pages ask for it unasked; what is written waits
    # for who else writes. Neither may keep a search from its thread.
    related_desk = opened(
        "related",
        at_once=limits.related_at_once,
        waiting=limits.related_waiting,
    )
    feedback_desk = opened(
        "feedback",
        at_once=1,
        waiting=limits.feedback_waiting,
        what="words on hits",
    )
    app.state.desk, app.state.related_desk = desk, related_desk
    app.state.meters = meters
    a_minute = settings.requests_per_minute
    app.add_middleware(
        Edge,
        backend=backend,
        settings=settings,
        limits=limits,
        meters=meters,
        aside=aside,
        rate=RateLimit(a_minute) if a_minute else None,
    )
    add_problems(app)
    _add_search(app, backend, desk, meters)
    _add_related(app, backend, related_desk)
    _add_documents(app, backend, desk)
    _add_feedback(app, backend, feedback_desk)
    _add_health(app, backend, aside)
    _add_metrics(app, backend, aside, meters, settings.metrics)
    _add_descriptions(app, settings)
    return app


def _add_search(app: FastAPI, backend: Backend, desk: Desk, meters: Meters) -> None:
    @app.get(
        "/api/search",
        response_model=SearchAnswer,
        responses=problems(304, *API),
        openapi_extra=OPTIONAL_KEY | by_query(SearchParameters),
        summary="Documents that answer a query",
    )
    async def search(request: Request) -> Response:
        started = time.perf_counter()
        asked = _asked(request, SearchParameters)
        page, k = asked.page, asked.k
        if page * k > MAX_DEPTH:
            raise refused("page", f"page times k is more than {MAX_DEPTH}")
        reader, client = _who(request)
        q, filters = cleaned(asked.q), asked.filters()
        typing = asked.typing == "true"
        counts = page == 1 and not typing and not request.state.is_head

        def work() -> tuple[Written, Results]:
            found = backend.search(
                q, filters, page=page, k=k, reader=reader, typing=typing
            )
            if counts:
                count_search(backend, found, client=client)
            took_ms = (time.perf_counter() - started) * 1000
            answer = search_answer(found, query=q, page=page, k=k, took_ms=took_ms)
            return written(answer), found

        answer, found = await desk.run(work)
        if counts:
            meters.searched(found.total, weak=found.weak)
        return respond(request, answer, reader)


def _add_related(app: FastAPI, backend: Backend, desk: Desk) -> None:
    async def answer(request: Request, asked: RelatedParameters) -> Response:
        started = time.perf_counter()
        about = asked.about()
        if about is None:
            problem = "expected exactly one of topic_id, url and text"
            errors = [Complaint(name, problem) for name in _ONE_OF]
            raise ProblemError(422, problem, errors=errors)
        reader, _ = _who(request)

        def work() -> Written:
            found = backend.related(
                about,
                kinds=frozenset(asked.kind) or None,
                languages=frozenset(asked.lang) or None,
                k=asked.k,
                reader=reader,
            )
            took_ms = (time.perf_counter() - started) * 1000
            return written(related_answer(found, took_ms=took_ms))

        try:
            made = await desk.run(_held(work, "no such topic or page is held"))
        except InvalidQueryError as exc:
            raise refused("text", str(exc)) from exc
        return respond(request, made, reader)

    @app.get(
        "/api/related",
        response_model=RelatedAnswer,
        responses=problems(304, 404, *API),
        openapi_extra=OPTIONAL_KEY | by_query(RelatedParameters),
        summary="Documents that answer a topic, a page or a text",
    )
    async def related(request: Request) -> Response:
        return await answer(request, _asked(request, RelatedParameters))

    @app.post(
        "/api/related",
        response_model=RelatedAnswer,
        responses=problems(404, *API, *BODY),
        openapi_extra=OPTIONAL_KEY | by_body(RelatedParameters),
        summary="The same, for texts that are longer than an address should be",
    )
    async def related_to_text(request: Request) -> Response:
        return await answer(request, await _sent(request, RelatedParameters))


def _add_documents(app: FastAPI, backend: Backend, desk: Desk) -> None:
    @app.get(
        "/api/documents/{document_id}",
        response_model=DocumentAnswer,
        responses=problems(304, 404, *API),
        openapi_extra=OPTIONAL_KEY,
        summary="A document with all of its text",
    )
    async def document(
        request: Request,
        document_id: Annotated[Id, Path()],
    ) -> Response:
        _check_names(request)
        reader, _ = _who(request)

        def work() -> Written:
            stored = backend.document(DocumentId(document_id), reader)
            return written(document_answer(stored))

        made = await desk.run(_held(work, "no such document is held"))
        return respond(request, made, reader)

    @app.get(
        "/api/stats",
        response_model=StatsAnswer,
        responses=problems(304, *API),
        openapi_extra=OPTIONAL_KEY,
        summary="What is held",
    )
    async def stats(request: Request) -> Response:
        _check_names(request)
        reader, _ = _who(request)
        made = await desk.run(lambda: written(stats_answer(backend.stats(reader))))
        return respond(request, made, reader)


def _add_feedback(app: FastAPI, backend: Backend, desk: Desk) -> None:
    @app.post(
        "/api/feedback",
        status_code=204,
        response_class=Response,
        responses=problems(404, *API, *BODY),
        openapi_extra=OPTIONAL_KEY | by_body(Feedback),
        summary="A word on a hit: it helped, or did not",
        description="One word of a client on a document counts a day; to say it again "
        "changes nothing, and is answered alike.",
    )
    async def feedback(request: Request) -> Response:
        word = await _sent(request, Feedback)
        reader, client = _who(request)

        def work() -> bool:
            return backend.feedback(
                DocumentId(word.document_id),
                helped=word.helped,
                client=client,
                reader=reader,
            )

        await desk.run(_held(work, "no such document is held"))
        return Response(status_code=204, headers=_NO_STORE)


def _add_health(app: FastAPI, backend: Backend, aside: Desk) -> None:
    @app.get(
        "/healthz",
        response_model=HealthAnswer,
        responses=problems(),
        summary="The process lives",
    )
    async def health() -> Response:
        return _said({"status": "ok"})

    @app.get(
        "/readyz",
        response_model=dict[str, str | int],
        responses=problems(503, 504),
        summary="Searches can be answered, and what from",
    )
    async def ready(request: Request) -> Response:
        try:
            found = await aside.run(backend.ready)
        except KBError as exc:
            return trouble_response(request.scope, exc)
        return _said({"status": "ready", **found})


def _add_metrics(
    app: FastAPI, backend: Backend, aside: Desk, meters: Meters, shown_to: str
) -> None:
    if shown_to == "off":
        return

    @app.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **problems(*([401, 403, 429, 503, 504] if shown_to == "keyed" else [])),
        },
        openapi_extra=NEEDED_KEY if shown_to == "keyed" else {},
        summary="Counters, for Prometheus",
    )
    async def metrics(request: Request) -> Response:
        reader, _ = _who(request)
        if shown_to == "keyed" and METRICS_SCOPE not in reader.scopes:
            if reader.name:
                raise ProblemError(403, "the key does not let in to metrics")
            raise ProblemError(
                401,
                "metrics need a key",
                headers={"WWW-Authenticate": 'Bearer realm="Baraza"'},
            )
        try:
            found = await aside.run(backend.ready)
        except (KBError, ProblemError):
            # That it is not ready is a figure, too.
            found = None
        text = meters.text(found)
        return Response(text, headers={**_NO_STORE, "Content-Type": CONTENT_TYPE})


def _add_descriptions(app: FastAPI, settings: ApiSettings) -> None:
    described: list[bytes] = []

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        if not described:
            described.append(json.dumps(describe(app)).encode())
        headers = {**API_HEADERS, "Cache-Control": "public, max-age=300"}
        return Response(described[0], media_type="application/json", headers=headers)

    @app.get("/opensearch.xml", include_in_schema=False)
    async def description(request: Request) -> Response:
        base = base_url(request.scope, settings.public_url)
        headers = {**API_HEADERS, "Cache-Control": "public, max-age=3600"}
        return Response(
            opensearch(base, settings.community),
            media_type="application/opensearchdescription+xml",
            headers=headers,
        )


def _said(told: object) -> Response:
    return Response(json.dumps(told), media_type="application/json", headers=_NO_STORE)


def _who(request: Request) -> tuple[Reader, str]:
    return request.state.reader, request.state.client


def _asked(request: Request, model: type[Asked]) -> Asked:
    named = request.query_params.multi_items()
    known = model.model_fields
    _check_names(request, known)
    try:
        return model.of(named)
    except ValidationError as exc:
        raise unfit(exc.errors(), known) from exc


async def _sent(request: Request, model: type[Sent]) -> Sent:
    _check_names(request)
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as exc:
        errors = exc.errors()
        if errors[0]["type"] == "json_invalid":
            raise ProblemError(400, "the body is not JSON") from exc
        raise unfit(errors, model.model_fields) from exc


def _check_names(request: Request, known: Collection[str] = ()) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    if (complaint := misnamed(names, known)) is not None:
        raise refused(complaint.parameter, complaint.problem)


def _held(work: Callable[[], T], otherwise: str) -> Callable[[], T]:
    """*work*, with a word for what is not there."""

    def looked_up() -> T:
        try:
            return work()
        except LookupError as exc:
            # Of a dict or a list it is a bug, not an answer.
            if isinstance(exc, KeyError | IndexError):
                raise
            raise ProblemError(404, otherwise) from exc

    return looked_up
