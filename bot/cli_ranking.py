"""The commands about ranking: learn it and what it needs, and have it explained."""

from __future__ import annotations

from pathlib import Path

import click

from bot import show_bridge
from bot import show_ranking as show
from bot.cli_base import (
    Session,
    as_json_option,
    common_options,
    language_option,
)
from bot.terminal import progress_of_steps, say, say_json
from kb.types import Kind


@click.group(invoke_without_command=True)
@as_json_option
@common_options()
@click.pass_context
def learn(ctx: click.Context, as_json: bool) -> None:
    """Learn how to rank from what members linked in answer to what.

    Reads what is stored and public, and asks nobody. Each question is first ranked
    by what was known when it was asked, so the figures are those of real questions.
    With too little history the weights in use stay. `baraza run` does it weekly.

    \b
    Example:
        baraza learn
        baraza learn --json | jq .kinds
        baraza learn bridge
    """
    if ctx.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(
                f"--json comes after {ctx.invoked_subcommand}: it is about that", ctx
            )
        return
    from bot.learning import learn as run_learn

    app = ctx.ensure_object(Session).app
    with app.single_instance("baraza learn"), progress_of_steps("learn") as look:
        report = run_learn(app, progress=look)
    if as_json:
        say_json(report)
    else:
        say(show.learn_lines(report))


@learn.command()
@click.option(
    "--sample",
    metavar="WORD",
    help="Show what this word, or these, mean to the bridge in use; learn nothing.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save it there; the bridge in use stays.",
)
@language_option
@as_json_option
@common_options()
@click.pass_obj
def bridge(
    session: Session,
    sample: str | None,
    output: Path | None,
    languages: tuple[str, ...],
    as_json: bool,
) -> None:
    """Learn what words of one language mean in another.

    From all that is stored in several languages: files of translations (sources of
    type terms), and public pages with their translations. Asks nobody, and takes a
    minute or so. `baraza run` does it again when these have changed.

    \b
    Example:
        baraza learn bridge
        baraza learn bridge --sample "unité d'organisation"
        baraza learn bridge --language en --language fr --output bridge.json.gz
        baraza learn bridge --json | jq .tables
    """
    from bot.bridging import learn_bridge, look_up

    if sample is not None:
        found = look_up(session.app, sample)
        if as_json:
            say_json({"tables": found})
        else:
            say(show_bridge.sample_lines(found, sample))
        return
    if languages and output is None:
        raise click.UsageError(
            "--language needs --output: the bridge in use leads between all languages"
        )
    app = session.app
    with app.single_instance("baraza learn bridge"), progress_of_steps("read") as look:
        report = learn_bridge(app, output=output, languages=languages, progress=look)
    if as_json:
        say_json(report)
    else:
        say(show_bridge.bridge_lines(report))


@click.command()
@click.argument("question", metavar="TOPIC_ID|QUESTION")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([kind.value for kind in Kind]),
    multiple=True,
    help="Only candidates of this kind; may be repeated.",
)
@language_option
@click.option(
    "-k",
    "--limit",
    type=click.IntRange(1, 200),
    default=3,
    show_default=True,
    help="Candidates per kind.",
)
@click.option("--all", "everything", is_flag=True, help="All signals, small ones too.")
@as_json_option
@common_options()
@click.pass_obj
def explain(
    session: Session,
    question: str,
    kinds: tuple[str, ...],
    languages: tuple[str, ...],
    limit: int,
    everything: bool,
    as_json: bool,
) -> None:
    """Show what ranks the candidates for a topic or a question, and what the bot
    would do.

    Of each candidate: its confidence, and why it would be linked or not; its score and
    what each signal added to it, with the signal's own value. A topic that is not
    stored is read from the bot's forum. An old topic is ranked with what is known
    today.

    \b
    Example:
        baraza explain 812
        baraza explain "how do I reset my password" --kind docs -k 3
    """
    from bot.explaining import explain as run_explain

    chosen = [Kind(kind) for kind in kinds] or list(Kind)
    found = run_explain(
        session.app, question, kinds=chosen, languages=languages, limit=limit
    )
    if as_json:
        say_json(found)
    else:
        say(show.explanation_lines(found, everything=everything))


@click.command()
@click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What baraza replay --figures wrote, in place of what was learned here.",
)
@as_json_option
@common_options()
@click.pass_obj
def readiness(session: Session, replay: Path | None, as_json: bool) -> None:
    """Tell which mode the bot has earned, and what the next one needs.

    The modes are walked in their order: shadow, draft, whisper, public. Nothing is
    changed by this: bot.mode is yours to set.

    \b
    Example:
        baraza readiness
        baraza readiness --replay figures.json
    """
    from bot.readiness import gather, lines
    from bot.readiness import readiness as judge

    bot = session.app.config.bot
    others = sorted(bot.all_modes - {bot.mode})
    found = judge(gather(session.app, replay), (bot.mode, *others))
    if as_json:
        say_json(found)
    else:
        say(lines(found))
