"""The report at its address: who is let in, and what happens while one is made."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bot.report.model import Report
from bot.report.web import RETRY_AFTER_S, BusyError, add_report
from kb.api import ApiSettings, create_app
from kb.errors import StoreError
from tests.bot.report.sample import sample_report
from tests.kb.api.stand import Stand

KEY = "clé-secrète-für-Zoë-1234"


def client(made: Callable[[], Report] = sample_report, *, key: str = KEY) -> TestClient:
    app = create_app(Stand(), ApiSettings(requests_per_minute=0))
    add_report(
        app,
        made,
        key=key,
        page=lambda report: f"page of {report.community}",
        as_json=lambda _report: "{}",
        as_table=lambda _report, name: {"gaps": "a,b"}[name],
        markdown=lambda _report: "# report",
    )
    return TestClient(app, raise_server_exceptions=False)


def basic(password: bytes, user: bytes = b"me") -> dict[bytes, bytes]:
    return {b"Authorization": b"Basic " + base64.b64encode(user + b":" + password)}


@pytest.mark.parametrize(
    "headers",
    [
        basic(KEY.encode()),
        basic(KEY.encode(), user=b""),
        {b"Authorization": b"Bearer " + KEY.encode()},
        {b"Authorization": b"bearer   " + KEY.encode()},
    ],
)
def test_whoever_names_the_key_is_let_in(headers: dict[bytes, bytes]) -> None:
    answer = client().get("/report", headers=headers)

    assert (answer.status_code, answer.text[:8]) == (200, "page of ")


@pytest.mark.parametrize(
    "header",
    [
        b"Basic \xe9\xe9",
        b"Bearer \xff\xfe",
        b"Basic " + base64.b64encode(b"\xff:\xff"),
        b"Basic " + base64.b64encode(KEY.encode()),
        b"Basic",
        b"Digest " + KEY.encode(),
        KEY.encode(),
        b"",
    ],
)
def test_nobody_else_is_and_no_header_is_a_bug(header: bytes) -> None:
    answer = client().get("/report", headers={b"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert answer.json()["detail"].startswith("the report needs its key")


def test_a_key_with_a_colon_is_a_key() -> None:
    key = "a:b:c" * 5
    answer = client(key=key).get("/report", headers=basic(key.encode()))

    assert answer.status_code == 200


def test_while_one_is_made_others_are_told_to_ask_again() -> None:
    def busy() -> Report:
        raise BusyError("busy")

    answer = client(busy).get("/report", headers=basic(KEY.encode()))

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == str(RETRY_AFTER_S)
    assert "being made" in answer.json()["detail"]


def test_a_store_that_is_locked_is_503_without_its_path() -> None:
    def locked() -> Report:
        raise StoreError(Path("/srv/secret/baraza.db"), "database is locked")

    answer = client(locked).get("/report", headers=basic(KEY.encode()))

    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_every_form_says_what_it_is_and_is_kept_nowhere() -> None:
    types = {
        "/report": "text/html; charset=utf-8",
        "/report.json": "application/json; charset=utf-8",
        "/report.md": "text/markdown; charset=utf-8",
        "/report/gaps.csv": "text/csv; charset=utf-8",
    }
    asked = client()
    for path, media_type in types.items():
        answer = asked.get(path, headers=basic(KEY.encode()))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/report/tea.csv", "/report/gaps", "/report/a/gaps.csv"):
        assert asked.get(path, headers=basic(KEY.encode())).status_code == 404
