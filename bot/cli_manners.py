"""Commands that stop the bot and let it go on."""

from __future__ import annotations

import click

from bot.cli_base import Session, common_options
from bot.terminal import say


@click.command()
@click.option(
    "--reason", default="by an operator", help="Why, for whoever asks for its status."
)
@common_options()
@click.pass_obj
def pause(session: Session, reason: str) -> None:
    """Let the bot post nothing from now on, also while baraza run runs.

    \b
    Example:
        baraza pause --reason "the forum is moving"
    """
    app = session.app
    name, _ = app.bot_forum()
    with app.open_store() as store, store.transaction():
        known = store.pauses.get(name)
        store.pauses.start(name, reason, "operator", at=app.clock())
    if known is None:
        say("paused: nothing is posted until baraza resume")
    else:
        say(f"it was paused already, since {known.at:%Y-%m-%d %H:%M} UTC")


@click.command()
@common_options()
@click.pass_obj
def resume(session: Session) -> None:
    """Let the bot post again, after a pause of whatever origin.

    Ratings of before count no more when it is decided whether it stops by itself.

    \b
    Example:
        baraza resume
    """
    app = session.app
    name, _ = app.bot_forum()
    with app.open_store() as store, store.transaction():
        ended = store.pauses.end(name, at=app.clock())
    say("it posts again" if ended else "it was not paused")
