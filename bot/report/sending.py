"""The report on its way to the moderators: from the config to `bot.report.delivery`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.forum_care import LiveCare
from bot.report.delivery import Courier
from bot.report.making import Wanted, wanted
from bot.report.model import Report
from bot.report.profiles import look_up
from bot.report.reading import read_past
from bot.report.records import Period
from bot.report.writing import FOLDER, TEXTS, tables, write_file, write_tables
from kb.types import TopicId

if TYPE_CHECKING:
    from bot.app import App

# Whose profiles are read: of so many, and who answered somebody within this time.
_MOST, _RECENT = 50, timedelta(days=90)
_DAY = timedelta(days=1)


def last_whole_days(app: App) -> str:
    """Yesterday, in the zone of the schedule: whoever sends the report twice on a day
    sends that of the same period, and so once."""
    zone = ZoneInfo(app.config.schedule.timezone)
    return (app.clock().astimezone(zone) - _DAY).date().isoformat()


def scheduled(app: App) -> Wanted:
    """What the job of `baraza run` makes."""
    return wanted(app, until=last_whole_days(app))


def write_report(app: App, report: Report) -> Path:
    """Write the page, the JSON and the tables below the data folder; gives the page.

    Raises:
        KBError: They cannot be written.
    """
    folder = app.data_dir / FOLDER
    page = folder / "report.html"
    write_file(page, TEXTS["html"](report))
    write_file(folder / "report.json", TEXTS["json"](report))
    write_tables(folder, tables(report))
    return page


def send_report(app: App, report: Report) -> str:
    """Send it where ``report.send`` says, and tell what became of it.

    Whoever calls holds the data folder, see `bot.lock`.

    Raises:
        ConfigError: It cannot go there, or the bot's key is not in the environment.
        ForumError: It cannot be sent now; `finish_reports` goes on with it.
    """
    with open_courier(app) as courier:
        told = courier.deliver(report, topic=_topic(app))
    if told.waiting:
        return f"{told.waiting} of {told.parts} parts wait: the bot is paused"
    where = "" if told.topic_id is None else f" in topic {told.topic_id}"
    if not told.sent:
        return f"that of this period was sent before{where}"
    return f"{told.sent} of {told.parts} parts sent{where}"


def queue_report(app: App, report: Report) -> bool:
    """Leave it to `finish_reports`; False where that of its period was left before.

    Raises:
        ConfigError: See `send_report`.
    """
    with open_courier(app) as courier:
        return courier.queue(report, topic=_topic(app))


def _topic(app: App) -> TopicId | None:
    settings = app.config.report
    is_topic = settings.send == "topic" and settings.topic is not None
    return TopicId(settings.topic or 0) if is_topic else None


def finish_reports(app: App) -> int:
    """Send what was queued or left unsent; gives how many parts.

    Raises:
        ForumError: The forum takes nothing now.
        ConfigError: The forum refuses it.
    """
    name, _ = app.bot_forum()
    with app.open_store(readonly=True) as store:
        # Mostly there is nothing, and no channel is needed to know that.
        if not store.messages.in_state(name, "claimed", purpose="report"):
            return 0
    with open_courier(app) as courier:
        return courier.finish()


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


def read_regions(app: App) -> None:
    """Read where those are from who answered most in the last months, as far as their
    profiles tell, and the bot has a key to read these with; a report is made all the
    same."""
    name = app.config.bot.forum
    if name is None or app.config.bot.api_key_env is None:
        return
    period = Period(app.clock() - _RECENT, app.clock())
    with app.bot_channel(only_read=True) as channel, app.open_store() as store:
        past = read_past(store, [name], period, bots=[app.config.bot.username])
        names: dict[str, str] = {}
        answers: Counter[str] = Counter()
        for thread in past.threads:
            for reply in thread.by_people:
                if period.holds(reply.at) and reply.member not in past.opted_out:
                    names[reply.member] = reply.name
                    answers[reply.member] += 1
        busiest = sorted(answers, key=lambda member: (-answers[member], member))
        look_up(
            LiveCare(channel, app.config.bot.username),
            store,
            name,
            {member: names[member] for member in busiest[:_MOST]},
            field=app.config.report.region_field,
            clock=app.clock,
        )
