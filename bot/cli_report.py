"""The commands about the moderators' report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli_base import Session, common_options
from bot.terminal import progress_of_steps, say
from kb.errors import AlreadyRunningError, ConfigError
from kb.types import TopicId

if TYPE_CHECKING:
    from bot.app import App
    from bot.report.making import Wanted
    from bot.report.model import Report

_TOPIC = re.compile(
    r"(?:https?://\S+/t/(?:[^/\s]+/)?)?(?P<number>[1-9][0-9]{0,9})(?:[/?#]\S*)?"
)
# By the ending of a file's name.
_FORMATS = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".json": "json",
}


@click.command()
@click.option(
    "--since",
    metavar="TIME",
    default="",
    help="From this day or time on.  [default: report.period before the end]",
)
@click.option(
    "--until",
    "--as-of",
    "until",
    metavar="TIME",
    default="",
    help="As it stood at the end of this day, or at this time.  [default: now]",
)
@click.option(
    "--all",
    "whole",
    is_flag=True,
    help="From the first topic on.",
)
@click.option(
    "--source",
    "sources",
    metavar="NAME",
    multiple=True,
    help="Of this forum or archive; may be repeated.  [default: report.sources]",
)
@click.option(
    "--private",
    is_flag=True,
    help="Tell also of what not everybody may read.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100),
    help="Entries of each section.  [default: report.limit]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "json", "csv", "brief"]),
    help="How it is written.  [default: by --out, else brief]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write it there: a file, for csv a folder of tables.  [default: stdout]",
)
@click.option(
    "--table",
    metavar="NAME",
    help="With --format csv: only this table, such as gaps.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--schema", is_flag=True, help="Print the schema of the JSON, and nothing else."
)
@click.option(
    "--send",
    is_flag=True,
    help="Send it as report.send says: of whole days until yesterday unless --until is "
    "given, and once for a period, however often it is asked.",
)
@common_options()
@click.pass_obj
def report(
    session: Session,
    since: str,
    until: str,
    whole: bool,
    sources: tuple[str, ...],
    private: bool,
    limit: int | None,
    form: str | None,
    out: Path | None,
    table: str | None,
    as_json: bool,
    schema: bool,
    send: bool,
) -> None:
    """Tell moderators what needs somebody, and how the community is.

    Open questions first, each with what may answer it and who could help; then
    repeated questions, solutions without a mark, gaps in the documentation, trends,
    figures of the community and of the bot, and what needs upkeep. The store as it is
    gives the same report each time.

    \b
    Example:
        baraza report
        baraza report --out report.html
        baraza report --since 2026-05-01 --until 2026-05-31 --format csv --table gaps
        baraza report --all --as-of 2022-06-30 --source history --json
    """
    from bot.report import writing
    from bot.report.making import make

    if schema:
        say(writing.schema_text())
        return
    form = _form(form, out, as_json=as_json)
    if table is not None and form != "csv":
        raise click.UsageError("--table goes with --format csv")
    if send and (as_json or out is not None or form != "brief"):
        raise click.UsageError("--send goes with no --format, --out or --json")
    if send and session.app.config.report.send == "off":
        raise ConfigError(
            "report.send", f"expected message or topic in {session.path}, got off"
        )
    if send:
        from bot.report.sending import last_whole_days

        until = until or last_whole_days(session.app)
    wanted = _wanted(
        session, since, until, sources, limit, whole=whole, private=private
    )
    with progress_of_steps("report") as progress:
        made = make(session.app, wanted, progress=progress)
    if not send:
        _write(made, form, out, table)
        return
    say(f"{made.topics} topics from {made.since:%Y-%m-%d} to {made.until:%Y-%m-%d} UTC")
    say(_send(session.app, made))


def _send(app: App, made: Report) -> str:
    from bot.report.sending import queue_report, send_report

    try:
        with app.single_instance("baraza report --send"):
            return send_report(app, made)
    except AlreadyRunningError as exc:
        if not exc.owner.startswith("baraza run"):
            raise
        # Of two that write to the forum at a time each would send it.
        if queue_report(app, made):
            return "baraza run is running, and sends it with its next watch"
        return (
            "not left to baraza run: it has that of this period already, or the bot is "
            "paused and others read there"
        )


def _form(form: str | None, out: Path | None, *, as_json: bool) -> str:
    if as_json:
        if form not in (None, "json"):
            raise click.UsageError("--json goes with no other --format")
        return "json"
    if form is not None:
        return form
    if out is None:
        return "brief"
    if out.suffix.casefold() == ".csv":
        raise click.UsageError(
            "--out: csv is several tables: name a folder with --format csv, or one "
            "table with --format csv --table"
        )
    if out.suffix.casefold() not in _FORMATS:
        raise click.UsageError(
            f"--out: expected a name that ends in {', '.join(_FORMATS)}, or --format"
        )
    return _FORMATS[out.suffix.casefold()]


def _wanted(
    session: Session,
    since: str,
    until: str,
    sources: tuple[str, ...],
    limit: int | None,
    *,
    whole: bool,
    private: bool,
) -> Wanted:
    from bot.report.making import wanted
    from bot.report.period import PeriodError

    if whole and since:
        raise click.UsageError("--all goes without --since")
    try:
        return wanted(
            session.app,
            since=since,
            until=until,
            whole=whole,
            sources=sources,
            private=private,
            limit=limit,
        )
    except PeriodError as exc:
        raise click.UsageError(f"--{exc}") from exc


def _write(made: Report, form: str, out: Path | None, table: str | None) -> None:
    from bot.report import writing

    if form == "csv":
        _write_tables(made, out, table)
        return
    text = writing.TEXTS[form](made)
    if out is None:
        say(text)
        return
    writing.write_file(out, text)
    click.echo(f"written to {out}", err=True)


def _write_tables(made: Report, out: Path | None, table: str | None) -> None:
    from bot.report import writing

    if table is not None:
        if table not in writing.TABLES:
            raise click.UsageError(
                f"--table: expected one of {', '.join(writing.TABLES)}, got {table}"
            )
        text = writing.as_table(made, table)
        if out is None:
            say(text.rstrip("\n"))
        else:
            writing.write_file(out, text)
        return
    if out is None:
        raise click.UsageError(
            "csv is several tables: name one with --table, or a folder with --out"
        )
    found = writing.tables(made)
    writing.write_tables(out, found)
    click.echo(f"{len(found)} tables written to {out}", err=True)


def _topic(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """A topic by its number, or its address."""
    found = _TOPIC.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(
            f"expected the number of a topic, such as 812, or its address, got {value}",
            ctx,
            param,
        )
    return int(found["number"])


@click.command()
@click.argument("topic_id", metavar="TOPIC", callback=_topic)
@click.argument("verdict", type=click.Choice(["not-a-question", "question"]))
@click.option(
    "--source",
    metavar="NAME",
    help="The forum or archive of the topic.  [default: bot.forum]",
)
@common_options()
@click.pass_obj
def mark(session: Session, topic_id: int, verdict: str, source: str | None) -> None:
    """Say that a topic is no question, or after all is one.

    What is no question is not answered, and not told of as open. On the forum, staff
    can send the bot the private message "not a question 812".

    \b
    Example:
        baraza mark 812 not-a-question
        baraza mark https://community.dhis2.org/t/812 question
    """
    from bot.verdicts import mark as mark_topic

    app = session.app
    forum = source if source is not None else app.bot_forum()[0]
    app.sources.settings(forum)
    with app.open_store() as store:
        is_news = mark_topic(
            store,
            forum,
            TopicId(topic_id),
            is_question=verdict == "question",
            at=app.clock(),
        )
        held = store.documents.find(forum, str(topic_id))
    told = "is a question" if verdict == "question" else "is no question"
    before = "" if is_news else ", as before"
    title = f": {held.title}" if held else "; it is not held here, and that is noted"
    say(f"topic {topic_id} {told}{before}{title}")
