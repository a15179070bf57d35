"""The report as `baraza serve` shows it: made when somebody asks, and kept a while."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.config import secret
from bot.report.making import make, wanted
from bot.report.model import Report
from bot.report.web import BusyError
from kb.errors import ConfigError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bot.app import App

# It takes seconds to make, and says as of when it is.
MAX_AGE = timedelta(minutes=5)
# A key that can be guessed is none.
MIN_KEY_CHARS = 20


class Served:
    """The newest report, for many threads, of which one makes it."""

    def __init__(self, app: App, *, max_age: timedelta = MAX_AGE) -> None:
        self._app = app
        self._max_age = max_age
        self._lock = threading.Lock()
        self._made: Report | None = None
        self._at: datetime | None = None
        self._mark = ""

    def __call__(self) -> Report:
        """A report that is young enough, of the store as it is.

        Raises:
            BusyError: Another thread makes one.
            StoreError: The store cannot be read.
        """
        with self._app.open_store(readonly=True) as store:
            # What left must leave the report at once, and what was clicked shows.
            mark = store.activity.mark()
        if not self._lock.acquire(blocking=False):
            raise BusyError("the report is being made")
        try:
            now = self._app.clock()
            if self._made is None or mark != self._mark or not self._is_young(now):
                self._made = make(self._app, wanted(self._app))
                self._at, self._mark = now, mark
            return self._made
        finally:
            self._lock.release()

    def _is_young(self, now: datetime) -> bool:
        return self._at is not None and self._at <= now < self._at + self._max_age


def report_key(app: App) -> str | None:
    """What lets moderators see the report; ``None``: nobody is let in.

    Raises:
        ConfigError: The key is not in the environment, or too short.
    """
    found = secret(app.config.report.key_env, key="report.key_env")
    if found is not None and len(found) < MIN_KEY_CHARS:
        # Not its length: that is half of what there is to guess.
        raise ConfigError(
            "report.key_env",
            f"expected at least {MIN_KEY_CHARS} characters in "
            f"{app.config.report.key_env}",
        )
    return found


def serve_report(app: App, endpoint: FastAPI) -> None:
    """Add the report's addresses to the query endpoint, if there is a key for them.

    Raises:
        ConfigError: See `report_key`; or there is no forum to report of.
    """
    key = report_key(app)
    if key is None:
        return
    from bot.report.web import add_report
    from bot.report.writing import as_json, as_table, markdown, page

    # What is wrong with the config is told at the start.
    wanted(app)
    add_report(
        endpoint,
        Served(app),
        key=key,
        page=page,
        as_json=as_json,
        as_table=as_table,
        markdown=markdown,
    )
