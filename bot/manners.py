"""The bot's manners on the watched forum, wired: its mail, its replies, its pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.aftercare import Aftercare, CareReport
from bot.checking import seen_alive
from bot.config import WRITING
from bot.forum import LiveForum
from bot.forum_care import LiveCare
from bot.inbox import Inbox, InboxReport
from bot.opt_outs import OptOuts
from bot.pausing import Breaker

if TYPE_CHECKING:
    from bot.app import App
    from bot.drafts import Drafts
    from kb.store import Store


@dataclass(frozen=True, slots=True)
class MannersReport:
    """What a run came to.

    Attributes:
        paused: The bot was paused now, because too few replies help.
    """

    inbox: InboxReport
    care: CareReport
    paused: bool


@dataclass(frozen=True, slots=True)
class Manners:
    """All that is to be run before the bot looks for new topics."""

    inbox: Inbox
    aftercare: Aftercare
    breaker: Breaker

    def run(self, stopped: Callable[[], bool] = lambda: False) -> MannersReport:
        """Read the mail first: what it says holds for all that comes after.

        Raises:
            ForumError: The forum does not answer, or asks to wait.
            StoreError: The ledger cannot be used.
        """
        inbox = self.inbox.run(stopped)
        care = self.aftercare.run(stopped)
        return MannersReport(inbox, care, self.breaker.run())


def has_manners(app: App) -> bool:
    """Whether the bot writes to the forum in any category: else nobody writes to it,
    and there is nothing of it to look after."""
    return bool(app.config.bot.all_modes & WRITING)


@contextmanager
def open_manners(app: App) -> Iterator[Manners]:
    """The manners of an installation, with a store and a channel of their own.

    Raises:
        ConfigError: There is no forum, or no key of the bot.
        StoreError: The store cannot be opened.
    """
    name, _ = app.bot_forum()
    bot, community = app.config.bot, app.config.community
    with ExitStack() as stack:
        channel = stack.enter_context(app.bot_channel())
        store = stack.enter_context(app.open_store())
        care = LiveCare(channel, bot.username)
        aftercare = Aftercare(
            name,
            care=care,
            forum=LiveForum(channel, bot.username),
            store=store,
            languages=community.languages,
            base_url=channel.base_url,
            dead=seen_alive(app, store, stack),
            clock=app.clock,
            catalogues=app.catalogues,
            unheard=bot.exclude_authors,
        )
        yield Manners(
            inbox=Inbox(
                name,
                care=care,
                store=store,
                withdraw=aftercare.withdraw,
                open_drafts=lambda: _open_drafts(app),
                languages=community.languages,
                clock=app.clock,
                catalogues=app.catalogues,
            ),
            aftercare=aftercare,
            breaker=Breaker(
                name,
                care=care,
                store=store,
                recipients=bot.moderators,
                language=community.languages[0],
                window=bot.pause_after,
                precision=bot.precision,
                clock=app.clock,
                catalogues=app.catalogues,
            ),
        )


@contextmanager
def _open_drafts(app: App) -> Iterator[Drafts]:
    with app.responder() as responder:
        yield responder.drafts


@contextmanager
def open_opt_outs(app: App, store: Store) -> Iterator[OptOuts]:
    """Who wants no answers, for whoever decides with *store*; profiles are read only
    where the config names a field of theirs."""
    name, _ = app.bot_forum()
    bot = app.config.bot
    with app.bot_channel(only_read=True) as channel:
        yield OptOuts(
            name,
            store=store,
            profiles=LiveCare(channel, bot.username),
            field=bot.opt_out_field,
            clock=app.clock,
        )
