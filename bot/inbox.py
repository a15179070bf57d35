"""Private messages to the bot: members opt out, staff give orders.

What a message asks for is done, noted as read and its answer claimed, in one
transaction; then the answer is sent. One that a crash left claimed is looked for in
its conversation before it is sent again. What people wrote is neither repeated nor
logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot import mail_words
from bot.care import Care, Conversation, Letter, Letters
from bot.catalogue import Catalogue, Catalogues, shipped
from bot.commands import OF_STAFF, Command, command_in, language_of_wish
from bot.escape import visible
from kb.errors import (
    ForumError,
    ForumReadOnlyError,
    ForumRejectedError,
    RateLimitedError,
)
from kb.language import detect
from kb.store import Mark, Message, Store
from kb.types import Clock, TopicId, utc_now

log = logging.getLogger(__name__)

# What was asked for long before it is read is no order any more, and no question. A
# member's wish always holds, and so does a pause.
ORDERS_HOLD = timedelta(days=7)
QUESTIONS_HOLD = timedelta(days=2)
# Whoever writes more is a program.
MAX_ANSWERS_A_DAY = 10
_MAX_PAGES = 20
_DAY = timedelta(days=1)

Withdraw = Callable[[TopicId, str], bool]
"""See `bot.aftercare.Aftercare.withdraw`."""


@dataclass(slots=True)
class InboxReport:
    """What reading the mail came to.

    Attributes:
        read: Messages of others that were new.
        obeyed: Of those, what was a wish or an order that its author may give.
        answered: Answers that were sent.
        failed: What is tried again, because the forum did not answer.
    """

    read: int = 0
    obeyed: int = 0
    answered: int = 0
    failed: int = 0


class Inbox:
    """Reads the bot's private messages on one forum.

    Args:
        name: The forum's source in the config.
        store: Used from one thread only.
        withdraw: Withdraws the reply in a topic.
        languages: Those that members write in; the first is used when none is told.
        clock: Aware, UTC.
        catalogues: Our words; without them, those that are shipped.
    """

    def __init__(
        self,
        name: str,
        *,
        care: Care,
        store: Store,
        withdraw: Withdraw,
        languages: Sequence[str],
        clock: Clock = utc_now,
        catalogues: Catalogues | None = None,
    ) -> None:
        self._name = name
        self._care = care
        self._store = store
        self._withdraw = withdraw
        self._languages = tuple(languages)
        self._clock = clock
        self._catalogues = catalogues or shipped()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> InboxReport:
        """Read what is new, in the order in which it was written.

        Args:
            stopped: Asked between messages; True ends the run early.

        Raises:
            ForumError: The list of messages cannot be read, or the forum asks to
                wait.
            StoreError: What was read cannot be noted.
        """
        report = InboxReport()
        self._send_again(report)
        new: list[tuple[Conversation, bool, Letter]] = []
        read: dict[TopicId, int] = {}
        for conversation in self._with_news():
            letters = self._letters(conversation, report)
            if letters is None:
                continue
            read[conversation.topic_id] = letters.last
            new += [(conversation, letters.direct, each) for each in letters.letters]
        new.sort(key=lambda item: (item[2].created_at, item[0].topic_id))
        report.read = len(new)
        for conversation, direct, letter in new:
            if stopped():
                break
            if conversation.topic_id not in read:
                continue  # An earlier message of it waits to be read again.
            try:
                self._act(conversation.topic_id, letter, report, direct=direct)
            except (RateLimitedError, ForumReadOnlyError):
                raise
            except ForumError as exc:
                log.warning("message=%d waits: %s", conversation.topic_id, exc)
                del read[conversation.topic_id]
                report.failed += 1
        else:
            # What we wrote ourselves is read as well.
            self._set_read(read)
        log.info(
            "read %d messages: %d obeyed, %d answered, %d to be tried again",
            report.read,
            report.obeyed,
            report.answered,
            report.failed,
        )
        return report

    def _with_news(self) -> list[Conversation]:
        found: list[Conversation] = []
        for page in range(_MAX_PAGES):
            conversations, has_more = self._care.conversations(page)
            news = [c for c in conversations if c.highest > self._read_until(c)]
            found += news
            # The newest come first: where all is read, so is what follows.
            if not news or not has_more:
                break
        return list({each.topic_id: each for each in found}.values())

    def _letters(
        self, conversation: Conversation, report: InboxReport
    ) -> Letters | None:
        """What is new in a conversation; ``None`` when it cannot be read now."""
        topic_id = conversation.topic_id
        try:
            return self._care.letters(topic_id, self._read_until(conversation))
        except (RateLimitedError, ForumReadOnlyError):
            raise
        except ForumError as exc:
            # One that cannot be read must not keep the others from being read.
            log.warning("message=%d cannot be read: %s", topic_id, exc)
            report.failed += 1
            return None

    def _read_until(self, conversation: Conversation) -> int:
        return self._store.messages.read_until(self._name, conversation.topic_id)

    def _set_read(self, read: dict[TopicId, int]) -> None:
        if not read:
            return
        with self._store.transaction():
            for topic_id, number in read.items():
                self._store.messages.set_read(self._name, topic_id, number)

    # -- one message -------------------------------------------------------

    def _act(
        self, topic_id: TopicId, letter: Letter, report: InboxReport, *, direct: bool
    ) -> None:
        key = f"{topic_id}/{letter.number}"
        command = self._command(letter, direct=direct)
        said: str | None = None
        words = self._words(letter)
        if command is not None and command.verb == "withdraw":
            # Before anything is noted: tried again, it finds nothing left to do.
            said = self._withdrawn(command, letter, words)
        with self._store.transaction():
            if command is not None:
                report.obeyed += 1
                said = said or self._obey(command, letter, words)
            elif self._is_asking(letter, direct=direct):
                said, key = (
                    mail_words.help_for(words, staff=letter.staff),
                    f"{topic_id}/help",
                )
            self._store.messages.set_read(self._name, topic_id, letter.number)
            if said is None or self._answers_enough(topic_id):
                return
            body = f"{words.line_start}{said}\n\n{_marker(key)}"
            if not self._store.messages.claim(
                self._name, "answer", key, body, at=self._clock()
            ):
                return
        message = self._store.messages.get(self._name, "answer", key)
        if message is not None:
            self._send(message, report)

    def _command(self, letter: Letter, *, direct: bool) -> Command | None:
        """What a message asks for, if its author may ask for it, there and now."""
        if not _is_member(letter):
            return None
        command = command_in(letter.raw)
        if command is None:
            return None
        if command.verb not in OF_STAFF:
            return command if direct else None
        holds = command.verb == "pause" or self._is_young(letter, ORDERS_HOLD)
        return command if letter.staff and holds else None

    def _is_asking(self, letter: Letter, *, direct: bool) -> bool:
        is_told = bool(letter.raw.strip()) and _is_member(letter)
        return direct and is_told and self._is_young(letter, QUESTIONS_HOLD)

    def _is_young(self, letter: Letter, span: timedelta) -> bool:
        return self._clock() - letter.created_at <= span

    def _answers_enough(self, topic_id: TopicId) -> bool:
        since = self._clock() - _DAY
        sent = self._store.messages.in_state(self._name, "sent", purpose="answer")
        here = [m for m in sent if m.topic_id == topic_id and m.at >= since]
        return len(here) >= MAX_ANSWERS_A_DAY

    # -- doing what is asked for ---------------------------------------------

    def _obey(self, command: Command, letter: Letter, words: Catalogue) -> str:
        match command.verb:
            case "opt_out":
                return self._opt_out(letter, words)
            case "opt_in":
                return self._opt_in(letter, words)
            case "pause":
                return self._pause(command, words)
            case "resume":
                return self._resume(words)
            case _:
                return self._status(words)

    def _opt_out(self, letter: Letter, words: Catalogue) -> str:
        self._store.members.wish(
            self._name,
            username=letter.author,
            user_id=letter.author_id,
            answers=False,
            origin="message",
            at=self._clock(),
        )
        return mail_words.opted_out(words)

    def _opt_in(self, letter: Letter, words: Catalogue) -> str:
        members = self._store.members
        known = members.find(
            self._name, username=letter.author, user_id=letter.author_id
        )
        if known is not None:
            members.take_back(
                self._name, username=letter.author, user_id=letter.author_id
            )
        if known is not None and not known.indexed:
            # Who was forgotten stays so, whatever the bot may answer.
            members.wish(
                self._name,
                username=letter.author,
                user_id=letter.author_id,
                answers=True,
                indexed=False,
                origin="message",
                at=self._clock(),
            )
        return mail_words.opted_in(words)

    def _pause(self, command: Command, words: Catalogue) -> str:
        reason = visible(command.reason) or "a moderator asked for it"
        self._store.pauses.start(self._name, reason, "staff", at=self._clock())
        return mail_words.paused(words)

    def _resume(self, words: Catalogue) -> str:
        self._store.pauses.end(self._name, at=self._clock())
        return mail_words.resumed(words)

    def _status(self, words: Catalogue) -> str:
        count = self._store.ledger.replies_since(
            self._name, self._clock() - _DAY, sent=True
        )
        is_paused = self._store.pauses.get(self._name) is not None
        return mail_words.status(words, is_paused=is_paused, replies=count)

    def _withdrawn(self, command: Command, letter: Letter, words: Catalogue) -> str:
        topic_id = command.topic_id
        try:
            done = topic_id is not None and self._withdraw(
                topic_id, "a moderator asked for it"
            )
        except ForumRejectedError as exc:
            log.warning("topic=%s cannot be withdrawn (%d)", topic_id, exc.status)
            return mail_words.withdrawal_refused(words)
        if not done or topic_id is None:
            return mail_words.nothing_to_withdraw(words)
        mark = Mark(topic_id, "word", letter.author_id, -1, True, self._clock())
        with self._store.transaction():
            marks = [*self._store.feedback.of(self._name, topic_id), mark]
            self._store.feedback.replace(self._name, topic_id, marks)
        return mail_words.withdrawn(words)

    def _words(self, letter: Letter) -> Catalogue:
        language = language_of_wish(letter.raw)
        if language not in {each.partition("-")[0] for each in self._languages}:
            language = detect(letter.raw, among=self._languages)
        return self._catalogues.of(language or self._languages[0])

    # -- answering -----------------------------------------------------------

    def _send_again(self, report: InboxReport) -> None:
        """See to the answers that a crash, or a lost answer of the forum, left."""
        for message in self._store.messages.in_state(
            self._name, "claimed", purpose="answer"
        ):
            self._send(message, report, again=True)

    def _send(
        self, message: Message, report: InboxReport, *, again: bool = False
    ) -> None:
        topic_id = TopicId(int(message.key.partition("/")[0]))
        mark = _marker(message.key)
        try:
            written = self._care.find_answer(topic_id, mark) if again else None
            written = written or self._care.answer_message(topic_id, message.body, mark)
        except ForumRejectedError as exc:
            log.warning("message=%d cannot be answered (%d)", topic_id, exc.status)
            with self._store.transaction():
                self._store.messages.settle(message, "failed")
            return
        except (RateLimitedError, ForumReadOnlyError):
            raise
        except ForumError as exc:
            log.warning("message=%d is answered later: %s", topic_id, exc)
            report.failed += 1
            return
        with self._store.transaction():
            self._store.messages.settle(
                message, "sent", topic_id=topic_id, post_id=written.post_id
            )
        report.answered += 1


def _is_member(letter: Letter) -> bool:
    """Not one of the forum's own bots, and no program that answers mail."""
    return letter.author_id > 0 and not letter.automatic


def _marker(key: str) -> str:
    return f"<!-- baraza:answer={key} -->"
