"""The command ``baraza``: thin commands over `bot.app`.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 something
that a person must see to (one line), 2 wrong usage or configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import show
from bot.cli_base import (
    Commands,
    F,
    Session,
    as_json_option,
    common_options,
    complain,
    language_option,
)
from bot.cli_bot import approve, drafts, reject
from bot.cli_keys import keys
from bot.cli_manners import pause, resume
from bot.cli_people import export, forget
from bot.cli_ranking import explain, learn, readiness
from bot.cli_report import mark, report
from bot.cli_serve import serve, widget
from bot.progress import check_progress, harvest_progress, verify_progress
from bot.terminal import (
    log_to_stderr,
    progress_bar,
    progress_of_steps,
    say,
    say_json,
)
from kb.errors import ConfigError, ForumError, KBError, SourceError
from kb.types import Kind, TopicId

if TYPE_CHECKING:
    from bot.app import App
    from bot.sandbox.settings import Generation
    from indexer.pipeline import RefreshReport

# What a comparison looks at unless told otherwise.
_SAMPLE = 50


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="baraza")
@common_options(env=True)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Answers new forum questions with links to what is already written.

    \b
    Example:
        baraza demo
        baraza --config config.yaml harvest
    """
    session = ctx.ensure_object(Session)
    log_to_stderr(verbose=session.verbose)


# -- the knowledge base ------------------------------------------------------


@main.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--full", is_flag=True, help="Read everything again, unchanged or not.")
@click.option(
    "--accept-deletions",
    is_flag=True,
    help="Delete what has left its source even if that is most of it.",
)
@click.option(
    "--verify",
    is_flag=True,
    help="Change nothing: compare what is stored with the forum, topic by topic.",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="With --verify: so many topics, drawn at random.  [default: 50]",
)
@click.option("--all", "whole", is_flag=True, help="With --verify: all topics.")
@as_json_option
@common_options()
@click.pass_obj
def harvest(
    session: Session,
    sources: tuple[str, ...],
    full: bool,
    accept_deletions: bool,
    verify: bool,
    sample: int | None,
    whole: bool,
    as_json: bool,
) -> None:
    """Read the sources, all enabled ones by default, into the knowledge base.

    What did not change is not read again. Killed anywhere, it goes on next time.

    With --verify every difference is told, and noted: the next harvest mends it. The
    exit code is 1 when there is one.

    With --json, progress goes to stderr, as JSON too.

    \b
    Example:
        baraza harvest
        baraza harvest docs --full
        baraza harvest community --verify --sample 100
    """
    app = session.app
    if verify:
        if full or accept_deletions:
            raise click.UsageError("--verify goes with neither --full nor deletions")
        if whole and sample is not None:
            raise click.UsageError("--verify takes either --all or --sample")
        _verify(app, sources, None if whole else sample or _SAMPLE, as_json=as_json)
        return
    if whole:
        raise click.UsageError("--all goes with --verify; see --full")
    if sample is not None:
        raise click.UsageError("--sample goes with --verify")
    names = list(sources) or app.sources.names()
    if not names:
        raise ConfigError("sources", "expected at least one that is enabled")
    for name in names:
        app.sources.settings(name)  # A wrong name is found before anything is read.
    failure: KBError | None = None
    with app.single_instance("baraza harvest"):
        for name in names:
            try:
                report = _harvest_one(
                    app,
                    name,
                    full=full,
                    accept_deletions=accept_deletions,
                    as_json=as_json,
                )
            except (ForumError, SourceError) as exc:
                # The other sources are read all the same.
                if failure is not None:
                    complain(str(failure))
                failure = exc
                continue
            if as_json:
                say_json(report)
            else:
                say(show.harvest_line(report))
    if failure is not None:
        raise failure


def _harvest_one(
    app: App, name: str, *, full: bool, accept_deletions: bool, as_json: bool
) -> RefreshReport:
    with harvest_progress(name, as_json=as_json) as look:
        report = app.harvest(
            name, full=full, accept_deletions=accept_deletions, progress=look
        )
    if report.deleted or report.passages_removed:
        from bot.report.writing import remove_written

        # It tells of what left, and nobody makes it anew: baraza run is not running.
        remove_written(app.data_dir)
    return report


def _verify(
    app: App, sources: tuple[str, ...], sample: int | None, *, as_json: bool
) -> None:
    """Compare forums with what is stored of them.

    Raises:
        KBError: Something differs, or could not be compared.
    """
    names = list(sources) or app.sources.forum_names()
    if not names:
        raise ConfigError("sources", "expected a forum that is enabled")
    odd = 0
    with app.single_instance("baraza harvest --verify"):
        for name in names:
            with verify_progress(name, as_json=as_json) as look:
                report = app.verify(name, sample=sample, progress=look)
            odd += len(report.different) + len(report.failed)
            if as_json:
                say_json(report)
            else:
                say(show.verify_lines(report))
    if odd:
        noun = "topic" if odd == 1 else "topics"
        raise KBError(f"{odd} {noun} not as on the forum; run baraza harvest")


@main.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--all", "whole", is_flag=True, help="Whenever it was last seen alive.")
@as_json_option
@common_options()
@click.pass_obj
def check(
    session: Session, sources: tuple[str, ...], whole: bool, as_json: bool
) -> None:
    """Ask whether pages, courses and videos still answer.

    Asked for is what nobody saw alive within links.alive_within. What is dead is not
    suggested any more, until it answers again. Killed anywhere, it goes on next time.

    The exit code is 0 also when something is dead.

    \b
    Example:
        baraza check
        baraza check docs --all
        baraza check --json
    """
    from bot.checking import check as check_sources
    from bot.checking import names_to_check

    app = session.app
    names = names_to_check(app.sources, sources)
    if not names:
        raise ConfigError("sources", "expected one that is enabled and no forum")
    with app.single_instance("baraza check"), check_progress() as look:
        for report in check_sources(app, names, whole=whole, progress=look):
            if as_json:
                say_json(report)
            else:
                say(show.check_lines(report))


@main.command()
@click.option("--rebuild", is_flag=True, help="Make it from nothing.")
@as_json_option
@common_options()
@click.pass_obj
def index(session: Session, rebuild: bool, as_json: bool) -> None:
    """Bring the word and vector index up to the knowledge base.

    \b
    Example:
        baraza index
        baraza index --rebuild
    """
    app = session.app
    with (
        app.single_instance("baraza index"),
        progress_bar("index", "texts") as bar,
    ):

        def look(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = app.index(rebuild=rebuild, progress=look)
    if as_json:
        say_json(report)
        return
    say(
        f"index: {report.passages} passages, {report.added} added, "
        f"{report.removed} removed, {report.embedded} embedded; "
        f"{'made anew' if report.full else 'updated'}, {report.seconds:.1f} s"
    )
    if report.replaced is not None:
        say(
            f"it answers in place of the one of {report.replaced}; run baraza learn: "
            "meaning weighs otherwise now"
        )


@main.command()
@click.argument("question")
@click.option(
    "-k",
    "--limit",
    type=click.IntRange(1, 50),
    default=5,
    show_default=True,
    help="Documents to show.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([kind.value for kind in Kind]),
    multiple=True,
    help="Only of this kind; may be repeated.",
)
@language_option
@as_json_option
@common_options()
@click.pass_obj
def ask(
    session: Session,
    question: str,
    limit: int,
    kinds: tuple[str, ...],
    languages: tuple[str, ...],
    as_json: bool,
) -> None:
    """Search the knowledge base as the public sees it.

    Before each result stands how sure it is to help, from 0 to 1. Results of one kind
    keep their ranking; the kinds are merged by how sure their best ones are.

    \b
    Example:
        baraza ask "how do I reset my password" -k 3
        baraza ask "mot de passe oublié" --language fr --kind docs
    """
    from bot.policy import judge_links

    hits = session.app.ask(
        question, limit=limit, kinds=[Kind(k) for k in kinds], languages=languages
    )
    for hit in hits:
        if as_json:
            say_json(show.hit_values(hit))
        else:
            say(show.hit_lines(hit, at=session.app.clock()))
    if as_json:
        return
    if not hits:
        say("nothing found")
    elif not judge_links(hits, session.app.policy_settings()).speak:
        say("nothing convincing: see the numbers")


@main.command()
@as_json_option
@common_options()
@click.pass_obj
def status(session: Session, as_json: bool) -> None:
    """Show how sources, index and bot stand, and what was set aside.

    \b
    Example:
        baraza status
    """
    from bot.status import status_of

    found = status_of(session.app)
    if as_json:
        say_json(found)
    else:
        say(show.status_lines(found))


@main.command()
@click.argument("url")
@click.option(
    "-k",
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="Links to show.",
)
@as_json_option
@common_options()
@click.pass_obj
def links(session: Session, url: str, limit: int, as_json: bool) -> None:
    """Show who links to a topic or page, newest first, as the public sees it.

    Any address of it will do: of a post, of another version, of an old host.

    \b
    Example:
        baraza links https://community.dhis2.org/t/812
    """
    if "." not in url or any(each.isspace() for each in url):
        raise click.BadParameter(f"expected the address of a page, got {url!r}")
    found = session.app.links_to(url, limit=limit)
    for each in found:
        if as_json:
            say_json(show.link_values(each))
        else:
            say(show.link_lines(each))
    if not found and not as_json:
        say("no links found")


# -- the bot -----------------------------------------------------------------


@main.command()
@click.argument("topic_id", type=click.IntRange(1))
@click.option("--dry-run", is_flag=True, help="Decide only; record and post nothing.")
@as_json_option
@common_options()
@click.pass_obj
def answer(session: Session, topic_id: int, dry_run: bool, as_json: bool) -> None:
    """Decide about one topic now, and do what the mode says: post it, or less.

    Nothing is waited for: neither for people, nor for edits to settle, nor for the end
    of quiet hours. A topic that has a reply keeps it. While `baraza run` is running,
    only --dry-run is possible.

    After the loss of baraza.db a reply that moderators removed can come back this way,
    where it was the last post of its topic: nothing on the forum tells of it any more.
    baraza run passes over topics of before that.

    \b
    Example:
        baraza answer 812 --dry-run
    """
    app = session.app
    if dry_run:
        with app.responder() as responder:
            decision = responder.consider(TopicId(topic_id))
    else:
        with app.single_instance("baraza answer"), app.responder() as responder:
            responder.reconcile()
            decision = responder.respond(TopicId(topic_id))
    if as_json:
        say_json(decision)
    else:
        say(show.decision_lines(decision))


@main.command()
@common_options()
@click.pass_obj
def run(session: Session) -> None:
    """Do everything on schedule, in one process, until SIGTERM or Ctrl-C.

    \b
    Example:
        baraza --config config.yaml run
    """
    from bot.calls import Calls
    from bot.schedule import Stop, run_jobs, stopping_on_signals
    from bot.service import Service

    app, stop, calls = session.app, Stop(), Calls()
    schedule = app.config.schedule
    # It logs by itself: whoever runs a service wants to see that it lives.
    log_to_stderr(verbose=True)
    with app.single_instance("baraza run"), stopping_on_signals(stop):
        app.stopped = stop
        service = Service(app)
        service.check()
        with service.webhooks(calls):
            run_jobs(
                service.jobs(),
                stop,
                timezone=schedule.timezone,
                misfire_grace=schedule.misfire_grace,
                calls=calls,
            )


# -- to try it out -----------------------------------------------------------


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on.  [default: any free one]",
)
@click.option(
    "--generation",
    type=click.Choice(["2022", "2026"]),
    default="2026",
    show_default=True,
    help="Which age of Discourse it speaks like.",
)
@click.option("--limits", is_flag=True, help="Enforce Discourse's own rate limits.")
@click.option("--read-only", is_flag=True, help="Refuse to write, as in a backup.")
@common_options()
def sandbox(port: int, generation: Generation, limits: bool, read_only: bool) -> None:
    """Run a small Discourse with a sample community on this machine.

    \b
    Example:
        baraza sandbox --port 8080
        baraza sandbox --generation 2022   # tags are plain strings, and so on
        baraza sandbox --limits            # 429 when asked too often
        baraza sandbox --read-only         # 503 for whoever writes
    """
    from bot.demo import run_sandbox
    from bot.sandbox import Settings

    settings = Settings(generation=generation, limits=limits, read_only=read_only)
    run_sandbox(port, settings)


@main.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where the demo's files go; a demo that lies there is replaced.",
)
@click.option("--keep", is_flag=True, help="Keep the sandbox running afterwards.")
@common_options()
@click.pass_context
def demo(ctx: click.Context, folder: Path, keep: bool) -> None:
    """See it work: a sample forum is harvested, and three new questions answered.

    \b
    Example:
        baraza demo
    """
    from bot.demo import run_demo

    ctx.exit(0 if run_demo(folder, keep=keep, say=say) else 1)


main.add_command(pause)
main.add_command(resume)
main.add_command(learn)
main.add_command(explain)
main.add_command(readiness)
main.add_command(forget)
main.add_command(export)
main.add_command(drafts)
main.add_command(approve)
main.add_command(reject)
main.add_command(report)
main.add_command(mark)
main.add_command(keys)
main.add_command(serve)
main.add_command(widget)


# -- measuring ---------------------------------------------------------------


def _file_option(name: str, text: str, *, required: bool = False) -> Callable[[F], F]:
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option(name, type=path, required=required, help=text)


@main.command()
@_file_option("--archive", "The forum's history, JSON Lines.", required=True)
@_file_option("--docs", "Documentation pages, JSON Lines.")
@_file_option("--labels", "Topics to rank for, JSON Lines.", required=True)
@click.option("--forum-url", required=True, help="Where the archive's forum lives.")
@_file_option("--out", "Where the rankings go, JSON Lines.", required=True)
@_file_option("--report", "Where a page about it goes, HTML.")
@_file_option("--save-model", "Where what was learned by the end goes, JSON.")
@_file_option("--figures", "Where its figures go, for baraza readiness, JSON.")
@click.option(
    "--without",
    multiple=True,
    metavar="NAME",
    help="A signal, or a group of them, not to be used; may be repeated.",
)
@click.option(
    "--from-scratch",
    is_flag=True,
    help="Start from weights set by hand, not from the shipped ones.",
)
@as_json_option
@common_options()
@click.pass_obj
def replay(
    session: Session,
    archive: Path,
    docs: Path | None,
    labels: Path,
    forum_url: str,
    out: Path,
    report: Path | None,
    save_model: Path | None,
    figures: Path | None,
    without: tuple[str, ...],
    from_scratch: bool,
    as_json: bool,
) -> None:
    """Rank for past topics with only what existed before each, to measure quality.

    What the community linked before each topic teaches the ranking on the way.
    Shipped weights that were learned on this very forum, from what is replayed, are
    not used.

    \b
    Example:
        baraza replay --config benchmarks/slicer.yaml --archive topics.jsonl.gz \\
            --docs docs.jsonl.gz --labels labels.jsonl.gz \\
            --forum-url https://forum.example.org --out run.jsonl --report run.html
    """
    from bot.replay import replay as run_replay
    from kb.model import plain_model

    with progress_of_steps("replay") as look:
        done = run_replay(
            session.app.config,
            archive=archive,
            docs=docs,
            labels=labels,
            forum_url=forum_url,
            out=out,
            report=report,
            save_model=save_model,
            figures=figures,
            without=without,
            start=plain_model() if from_scratch else None,
            progress=look,
        )
    if as_json:
        say_json(done)
    else:
        say(str(done))
