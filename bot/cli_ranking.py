"""The commands about ranking: learn it, and have it explained."""

from __future__ import annotations

import click

from bot import show_ranking as show
from bot.cli_base import Session, as_json_option, common_options, language_option
from bot.terminal import progress_of_steps, say, say_json
from kb.types import Kind


@click.command()
@as_json_option
@common_options()
@click.pass_obj
def learn(session: Session, as_json: bool) -> None:
    """Learn how to rank from what members linked in answer to what.

    Reads what is stored and public, and asks nobody. Each question is first ranked
    by what was known when it was asked, so the figures are those of real questions.
    With too little history the weights in use stay. `baraza run` does it weekly.

    \b
    Example:
        baraza learn
        baraza learn --json | jq .kinds
    """
    from bot.learning import learn as run_learn

    app = session.app
    with app.single_instance("baraza learn"), progress_of_steps("learn") as look:
        report = run_learn(app, progress=look)
    if as_json:
        say_json(report)
    else:
        say(show.learn_lines(report))


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
