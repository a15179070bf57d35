"""The report on its way to the moderators: from the config to `bot.report.delivery`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.forum_care import LiveCare
from bot.report.delivery import HOLDS, Courier, Delivered, Finished
from bot.report.model import Report
from bot.report.profiles import look_up, regions
from bot.report.records import Period
from bot.report.writing import (
    FOLDER,
    TEXTS,
    remove_written,
    tables,
    write_file,
    write_tables,
    written_json,
)
from kb.errors import KBError
from kb.types import TopicId

if TYPE_CHECKING:
    # Not before one is made: each watch asks whether something is left to be sent.
    from bot.app import App
    from bot.report.making import Progress, Wanted

log = logging.getLogger(__name__)

_DAY = timedelta(days=1)


def last_whole_days(app: App) -> str:
    """Yesterday, in the zone of the schedule: whoever sends the report twice on a day
    sends that of the same period, and so once."""
    zone = ZoneInfo(app.config.schedule.timezone)
    return (app.clock().astimezone(zone) - _DAY).date().isoformat()


def scheduled(app: App) -> Wanted:
    """What the job of `baraza run` makes."""
    from bot.report.making import wanted

    return wanted(app, until=last_whole_days(app))


def write_report(app: App, report: Report) -> Path:
    """Write the page, the JSON and the tables below the data folder; gives the page.

    Raises:
        KBError: They cannot be written.
    """
    folder = app.data_dir / FOLDER
    page = folder / "report.html"
    write_file(page, TEXTS["html"](report))
    write_file(written_json(app.data_dir), TEXTS["json"](report))
    write_tables(folder, tables(report))
    return page


def renew_report(
    app: App, *, progress: Progress = lambda _step, _done, _todo: None
) -> bool:
    """Make what was written anew, of the same period: without what left since, and
    who. What cannot be made anew is removed.

    Returns:
        False where nothing stands there now.

    Raises:
        KBError: It cannot be made, or not be written.
    """
    path = written_json(app.data_dir)
    if not path.exists():
        return False
    period = _period_written(app)
    if period is None:
        log.warning("%s is no report of ours: removed", path)
        remove_written(app.data_dir)
        return False
    from bot.report.making import make

    try:
        made = make(app, replace(scheduled(app), period=period), progress=progress)
        write_report(app, made)
    except Exception:
        remove_written(app.data_dir)
        raise
    return True


def _period_written(app: App) -> Period | None:
    try:
        values = json.loads(written_json(app.data_dir).read_bytes())
        since, until = (datetime.fromisoformat(values[k]) for k in ("since", "until"))
        # A comparison with a time that names no zone is a TypeError.
        return Period(since, until) if since < until <= app.clock() else None
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def send_report(app: App, report: Report) -> str:
    """Send a report as the config says, once for its period; what came of it, in words.

    Whoever calls holds the data folder, see `bot.lock`.

    Raises:
        ConfigError: It cannot go there, or the bot's key is not in the environment.
        ForumError: It cannot be sent now; `finish_reports` goes on with it.
    """
    with open_courier(app) as courier:
        return in_words(courier.deliver(report, topic=_topic(app)))


def in_words(told: Delivered) -> str:
    if told.paused:
        return "not sent: the bot is paused, and others read that topic"
    where = "" if told.topic_id is None else f" in topic {told.topic_id}"
    if told.sent:
        return f"{told.sent} of {told.parts} parts sent{where}"
    if not told.before:
        return "nothing of that of this period was sent, and it is not tried again"
    if told.before < told.parts:
        return (
            f"that of this period was sent in part: {told.before} of {told.parts} "
            f"parts{where}; the rest would be old news"
        )
    return f"that of this period was sent before{where}"


def queue_report(app: App, report: Report) -> bool:
    """Leave it to `finish_reports`; False where that of its period was left before, and
    while the bot is paused and others would read it.

    Raises:
        ConfigError: See `send_report`.
    """
    with open_courier(app) as courier:
        return courier.queue(report, topic=_topic(app))


def _topic(app: App) -> TopicId | None:
    settings = app.config.report
    is_topic = settings.send == "topic" and settings.topic is not None
    return TopicId(settings.topic or 0) if is_topic else None


def finish_reports(app: App) -> Finished:
    """Send what was queued or left unsent; where reports are not sent any more, end it.

    Raises:
        ConfigError: There is no forum, or no key of the bot.
        StoreError: The ledger cannot be used.
    """
    name, _ = app.bot_forum()
    with app.open_store(readonly=True) as store:
        # Mostly there is nothing, and no channel is needed to know that.
        if not store.messages.in_state(name, "claimed", purpose="report"):
            return Finished(0, stale=False)
    if app.config.report.send == "off":
        with app.open_store() as store, store.transaction():
            ended = store.messages.give_up("report", forum=name)
        log.warning("%d parts of reports are not sent: report.send is off", ended)
        return Finished(0, stale=False)
    with open_courier(app) as courier:
        return courier.finish(topic=_topic(app))


def expire_reports(app: App) -> None:
    """End what was never sent of reports, whatever the config says by now: their texts
    name people, and are not kept. No forum is needed for that.

    Raises:
        StoreError: The ledger cannot be used.
    """
    with app.open_store() as store, store.transaction():
        ended = store.messages.give_up("report", before=app.clock() - HOLDS)
    if ended:
        log.warning("%d parts of reports were never sent", ended)


@contextmanager
def open_courier(app: App) -> Iterator[Courier]:
    """What delivers, with a store and a channel of its own.

    Raises:
        ConfigError: There is no forum, or no key of the bot.
    """
    name, _ = app.bot_forum()
    bot = app.config.bot
    with app.bot_channel() as channel, app.open_store() as store:
        yield Courier(
            name,
            outbox=LiveCare(channel, bot.username),
            store=store,
            recipients=bot.moderators,
            clock=app.clock,
        )


def profile_reader(
    app: App,
) -> Callable[[Mapping[str, str]], Mapping[str, str]] | None:
    """What finds out where members are from who are suggested as helpers, as far as
    their profiles tell; ``None``: the bot has no key to read these with.

    Whatever becomes of that, a report is made: what is known already is told.
    """
    name = app.config.bot.forum
    if name is None or app.config.bot.api_key_env is None:
        return None

    def read(members: Mapping[str, str]) -> Mapping[str, str]:
        with app.open_store() as store:
            try:
                with app.bot_channel(only_read=True) as channel:
                    look_up(
                        LiveCare(channel, app.config.bot.username),
                        store,
                        name,
                        members,
                        field=app.config.report.region_field,
                        clock=app.clock,
                    )
            except KBError as exc:
                log.warning("profiles of helpers are not read now: %s", exc)
            known = regions(store, name)
        return {member: known[member] for member in members if member in known}

    return read
