"""Private messages to the bot: members opt out, staff give orders.

The newest conversation is read first, and what each asks for is done as it is read:
done, noted as read and its answer claimed, in one transaction. Answers are sent once
all is read. One that a crash left claimed is looked for in its conversation before it
is sent again. What people wrote is neither repeated nor logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import mail_words
from bot.care import Care, Conversation, Letter
from bot.catalogue import Catalogue, Catalogues, shipped
from bot.commands import OF_STAFF, Command, Verb, command_in
from bot.escape import visible
from bot.orders import OpenDrafts, Orders
from bot.verdicts import against_answering, mark_no_question
from bot.wishes import language_of_wish
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
# For each author; whoever writes more is a program.
MAX_ANSWERS_A_DAY = 10
# The list of a mailbox ends; one that does not is none.
_MAX_PAGES = 1_000
_DAY = timedelta(days=1)

_WISHES: frozenset[Verb] = frozenset({"opt_out", "opt_in"})
_STOPS: frozenset[Verb] = frozenset({"pause", "resume"})
# What takes more than a note in the store.
_ON_THE_FORUM: frozenset[Verb] = frozenset({"withdraw", "approve", "reject"})

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
        open_drafts: For orders about drafts.
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
        open_drafts: OpenDrafts,
        languages: Sequence[str],
        clock: Clock = utc_now,
        catalogues: Catalogues | None = None,
    ) -> None:
        self._name = name
        self._care = care
        self._store = store
        self._withdraw = withdraw
        self._orders = Orders(name, store=store, open_drafts=open_drafts)
        self._languages = tuple(languages)
        self._clock = clock
        self._catalogues = catalogues or shipped()
        # When whose newest wish was written, of those that this run obeyed.
        self._wished: dict[int, datetime] = {}

    def run(self, stopped: Callable[[], bool] = lambda: False) -> InboxReport:
        """Do what new messages ask for, then answer them.

        Args:
            stopped: Asked between conversations, and between answers; True ends the
                run early.

        Raises:
            ForumError: The newest messages cannot be listed, or the forum asks to
                wait. What was done until then holds.
            StoreError: What was read cannot be noted.
        """
        report = InboxReport()
        self._wished.clear()
        earlier = {message.key for message in self._claimed()}
        self._read_mail(report, stopped)
        for message in self._claimed():
            if stopped():
                break
            self._send(message, report, again=message.key in earlier)
        log.info(
            "read %d messages: %d obeyed, %d answered, %d to be tried again",
            report.read,
            report.obeyed,
            report.answered,
            report.failed,
        )
        return report

    def _claimed(self) -> list[Message]:
        return self._store.messages.in_state(self._name, "claimed", purpose="answer")

    # -- the mailbox -------------------------------------------------------

    def _read_mail(self, report: InboxReport, stopped: Callable[[], bool]) -> None:
        """Read what is new. The newest come first: where a whole page is read, so is
        what follows, unless an earlier run did not get through."""
        was_behind = self._store.messages.is_behind(self._name)
        through, seen = True, set[TopicId]()
        for page in range(_MAX_PAGES):
            try:
                conversations, has_more = self._care.conversations(page)
            except (RateLimitedError, ForumReadOnlyError):
                raise
            except ForumError as exc:
                if not page:
                    raise
                # What was read is answered; the next run reads all pages.
                log.warning("messages wait on page %d: %s", page, exc)
                report.failed += 1
                return
            news = [c for c in conversations if self._is_new(c, seen)]
            seen.update(each.topic_id for each in news)
            if news:
                self._note_behind(behind=True)
            # While pages are read they may shift, and what lies between them is
            # missed: with news beyond the first, all are read once more.
            through &= not (news and page)
            for conversation in news:
                if stopped():
                    return
                through &= self._read(conversation, report)
            if not has_more or not (news or was_behind):
                break
        else:
            through = False
        if through:
            self._note_behind(behind=False)

    def _is_new(self, conversation: Conversation, seen: set[TopicId]) -> bool:
        is_read = conversation.highest <= self._read_until(conversation)
        return not is_read and conversation.topic_id not in seen

    def _note_behind(self, *, behind: bool) -> None:
        if self._store.messages.is_behind(self._name) != behind:
            with self._store.transaction():
                self._store.messages.set_behind(self._name, behind=behind)

    def _read(self, conversation: Conversation, report: InboxReport) -> bool:
        """Do what a conversation asks for; False when it must be read again."""
        topic_id = conversation.topic_id
        try:
            letters = self._care.letters(topic_id, self._read_until(conversation))
            report.read += len(letters.letters)
            for letter in letters.letters:
                self._act(topic_id, letter, report, direct=letters.direct)
        except (RateLimitedError, ForumReadOnlyError):
            raise
        except ForumError as exc:
            # One that cannot be read must not keep the others from being read.
            log.warning("message=%d waits: %s", topic_id, exc)
            report.failed += 1
            # What is refused is refused again, and not waited for.
            return isinstance(exc, ForumRejectedError)
        with self._store.transaction():
            # What we wrote ourselves is read as well.
            self._store.messages.set_read(self._name, topic_id, letters.last)
        return True

    def _read_until(self, conversation: Conversation) -> int:
        return self._store.messages.read_until(self._name, conversation.topic_id)

    # -- one message -------------------------------------------------------

    def _act(
        self, topic_id: TopicId, letter: Letter, report: InboxReport, *, direct: bool
    ) -> None:
        command = self._command(letter)
        said: str | None = None
        words = self._words(letter)
        if command is not None and command.verb in _ON_THE_FORUM:
            # Before anything is noted: tried again, it finds nothing left to do.
            said = self._carry_out(command, letter, words)
        with self._store.transaction():
            key = f"{topic_id}/{letter.number}"
            if command is not None and self._is_overtaken(command, letter):
                said = self._told_of(command, words)
            elif command is not None:
                report.obeyed += 1
                said = said or self._obey(command, letter, words)
            elif self._is_asking(letter, direct=direct):
                said = mail_words.help_for(words, staff=letter.staff)
                key = f"{topic_id}/help"
            self._store.messages.set_read(self._name, topic_id, letter.number)
            if said is not None:
                self._claim(key, f"{words.line_start}{said}", letter)

    def _claim(self, key: str, text: str, letter: Letter) -> None:
        messages, now = self._store.messages, self._clock()
        messages.forget_askers(self._name, now - _DAY)
        asker = self._store.members.hash_of(f"id:{letter.author_id}")
        if messages.count_for(self._name, asker, now - _DAY) < MAX_ANSWERS_A_DAY:
            messages.claim(
                self._name,
                "answer",
                key,
                f"{text}\n\n{_marker(key)}",
                at=now,
                asker=asker,
            )

    def _command(self, letter: Letter) -> Command | None:
        """What a message asks for, if its author may ask for it now."""
        if not _is_member(letter):
            return None
        # A hidden message says nothing, and neither does its subject.
        home = self._care.base_url
        command = command_in(letter.raw, home) or (
            command_in(letter.subject, home) if letter.raw else None
        )
        if command is None or command.verb not in OF_STAFF:
            return command
        holds = command.verb == "pause" or self._is_young(letter, ORDERS_HOLD)
        return command if letter.staff and holds else None

    def _is_overtaken(self, command: Command, letter: Letter) -> bool:
        """Whether what was written later, and read before, says otherwise."""
        at = letter.created_at
        if command.verb in _STOPS:
            ordered = self._store.pauses.ordered_at(self._name)
            return (ordered is not None and at < ordered) or (
                command.verb == "resume" and self._is_older_than_pause(at)
            )
        if command.verb == "not_a_question":
            return all(
                self._store.verdicts.taken_back_since(self._name, topic_id, at)
                for topic_id in command.topic_ids
            )
        if command.verb == "opt_in" and self._is_older_than_wish(letter):
            return True
        wished = self._wished.get(letter.author_id)
        return command.verb in _WISHES and wished is not None and at < wished

    def _is_older_than_pause(self, at: datetime) -> bool:
        """What began later, for another reason, was not meant."""
        pause = self._store.pauses.get(self._name)
        return pause is not None and pause.origin != "staff" and at < pause.at

    def _is_older_than_wish(self, letter: Letter) -> bool:
        known = self._store.members.find(
            self._name, username=letter.author, user_id=letter.author_id
        )
        return known is not None and not known.answers and letter.created_at < known.at

    def _told_of(self, command: Command, words: Catalogue) -> str | None:
        """What is said of an order that was overtaken: how it stands."""
        return self._status(words) if command.verb in _STOPS else None

    def _is_asking(self, letter: Letter, *, direct: bool) -> bool:
        is_told = bool(letter.raw.strip()) and _is_member(letter)
        return direct and is_told and self._is_young(letter, QUESTIONS_HOLD)

    def _is_young(self, letter: Letter, span: timedelta) -> bool:
        return self._clock() - letter.created_at <= span

    # -- doing what is asked for ---------------------------------------------

    def _obey(self, command: Command, letter: Letter, words: Catalogue) -> str:
        if command.verb in _WISHES:
            self._wished[letter.author_id] = letter.created_at
        elif command.verb in _STOPS:
            self._store.pauses.set_ordered(self._name, letter.created_at)
        match command.verb:
            case "opt_out":
                return self._opt_out(letter, words)
            case "opt_in":
                return self._opt_in(letter, words)
            case "pause":
                return self._pause(command, words)
            case "resume":
                return self._resume(words)
            case "not_a_question":
                return self._leave_alone(command, letter, words)
            case _:
                return self._status(words)

    def _opt_out(self, letter: Letter, words: Catalogue) -> str:
        self._store.members.wish(
            self._name,
            username=letter.author,
            user_id=letter.author_id,
            answers=False,
            origin="message",
            at=letter.created_at,
        )
        self._store.profiles.drop(self._name, [letter.author_id])
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

    def _leave_alone(self, command: Command, letter: Letter, words: Catalogue) -> str:
        for topic_id in command.topic_ids:
            mark_no_question(
                self._store,
                self._name,
                topic_id,
                origin="staff",
                at=letter.created_at,
            )
        left = [
            topic_id
            for topic_id in command.topic_ids
            if against_answering(self._store, self._name, topic_id)
        ]
        return mail_words.left_alone(words, len(left))

    def _carry_out(self, command: Command, letter: Letter, words: Catalogue) -> str:
        topic_id = command.topic_id
        if command.verb == "withdraw" or topic_id is None:
            return self._withdrawn(topic_id, letter, words)
        if command.verb == "approve":
            return self._orders.approve(topic_id, words, written=letter.created_at)
        return self._orders.reject(topic_id, command.reason, words)

    def _withdrawn(
        self, topic_id: TopicId | None, letter: Letter, words: Catalogue
    ) -> str:
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
        language = language_of_wish(f"{letter.raw}\n{letter.subject}")
        if language not in {each.partition("-")[0] for each in self._languages}:
            language = detect(letter.raw, among=self._languages)
        return self._catalogues.of(language or self._languages[0])

    # -- answering -----------------------------------------------------------

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
