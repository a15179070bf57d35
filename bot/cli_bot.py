"""The commands about what waits for a moderator's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bot import show
from bot.cli_base import Session, as_json_option, common_options
from bot.terminal import say, say_json
from kb.errors import AlreadyRunningError
from kb.types import TopicId

if TYPE_CHECKING:
    from kb.store import Decision

_topic_argument = click.argument("topic_id", type=click.IntRange(1))


@click.command()
@as_json_option
@common_options()
@click.pass_obj
def drafts(session: Session, as_json: bool) -> None:
    """List the replies that wait for a moderator's word (mode draft).

    \b
    Example:
        baraza drafts
        baraza drafts --json | jq .title
    """
    name, _ = session.app.bot_forum()
    with session.app.open_store(readonly=True) as store:
        found = store.ledger.in_state(name, "drafted")
    for draft in found:
        if as_json:
            say_json(draft)
        else:
            say(show.draft_lines(draft))
    if not found and not as_json:
        say("no drafts wait")


@click.command()
@_topic_argument
@as_json_option
@common_options()
@click.pass_obj
def approve(session: Session, topic_id: int, as_json: bool) -> None:
    """Post the reply that was drafted for a topic.

    The topic and the links are looked at again first: a draft that does not hold any
    more is not posted, and why is shown. While `baraza run` is running it is that which
    posts it, with its next watch.

    \b
    Example:
        baraza approve 812
    """
    app = session.app
    try:
        with app.single_instance("baraza approve"), app.responder() as responder:
            decision = responder.drafts.approve(TopicId(topic_id))
    except AlreadyRunningError:
        with app.responder() as responder:
            decision = responder.drafts.approve(TopicId(topic_id), at_once=False)
    _tell(decision, as_json=as_json)


@click.command()
@_topic_argument
@click.option("--reason", default="", help="Kept with the decision, for people.")
@as_json_option
@common_options()
@click.pass_obj
def reject(session: Session, topic_id: int, reason: str, as_json: bool) -> None:
    """Never post the reply that was drafted for a topic.

    \b
    Example:
        baraza reject 812 --reason "answers another question"
    """
    with session.app.responder() as responder:
        decision = responder.drafts.reject(TopicId(topic_id), reason)
    _tell(decision, as_json=as_json)


def _tell(decision: Decision, *, as_json: bool) -> None:
    if as_json:
        say_json(decision)
    else:
        say(show.draft_outcome(decision))
