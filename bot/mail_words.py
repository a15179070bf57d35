"""What the bot says in private messages. Pure."""

from __future__ import annotations

from bot.catalogue import Catalogue
from bot.wishes import opt_out_words


def opted_out(words: Catalogue) -> str:
    # Translators: the bot promises a member not to answer any more.
    return words.gettext("I will not answer your questions any more.")


def opted_in(words: Catalogue) -> str:
    # Translators: the bot tells a member that it answers again.
    return words.gettext("I may answer your questions again.")


def paused(words: Catalogue) -> str:
    # Translators: the bot tells staff that it is paused; {command} stays as it is.
    return words.gettext(
        "I post nothing until you write {command}.", command="`resume, please`"
    )


def resumed(words: Catalogue) -> str:
    # Translators: the bot tells staff that it is not paused any more.
    return words.gettext("I may post again.")


def status(words: Catalogue, *, is_paused: bool, replies: int) -> str:
    """Whether the bot may post, and how many replies it wrote within the last day."""
    # Translators: the bot tells staff how much it wrote.
    written = words.ngettext(
        "I wrote {count} answer within the last day.",
        "I wrote {count} answers within the last day.",
        replies,
        count=str(replies),
    )
    return f"{_state(words, is_paused=is_paused)} {written}"


def _state(words: Catalogue, *, is_paused: bool) -> str:
    if is_paused:
        # Translators: the bot tells staff how it stands.
        return words.gettext("I am paused.")
    # Translators: the bot tells staff how it stands.
    return words.gettext("I may post.")


def withdrawal_refused(words: Catalogue) -> str:
    # Translators: the bot tells staff that it cannot withdraw an answer.
    return words.gettext(
        "The forum does not let me withdraw it; please delete it yourself."
    )


def nothing_to_withdraw(words: Catalogue) -> str:
    # Translators: the bot tells staff that there is nothing to withdraw.
    return words.gettext("No answer of mine stands there.")


def withdrawn(words: Catalogue) -> str:
    # Translators: the bot tells staff that an answer is withdrawn.
    return words.gettext("I have withdrawn it.")


def approved(words: Catalogue) -> str:
    # Translators: the bot tells staff that an answer that they approved is posted.
    return words.gettext("It is approved, and I post it.")


def approved_in_vain(words: Catalogue, *, is_paused: bool = False) -> str:
    """A draft stays as it is, because the bot is paused or cannot look at it again."""
    # Translators: the bot tells staff that it cannot post what they approved.
    said = words.gettext("I cannot post it now; the draft still waits.")
    return f"{_state(words, is_paused=True)} {said}" if is_paused else said


def draft_is_stale(words: Catalogue) -> str:
    # Translators: the bot tells staff that it does not post what they approved.
    return words.gettext("It does not hold any more, and I do not post it.")


def draft_is_newer(words: Catalogue) -> str:
    # Translators: the bot tells staff that what they approved is not what waits now.
    return words.gettext("The draft is newer than your message; please read it first.")


def no_draft(words: Catalogue) -> str:
    # Translators: the bot tells staff that there is nothing to approve or to reject.
    return words.gettext("No draft of mine waits there.")


def rejected(words: Catalogue) -> str:
    # Translators: the bot tells staff that it does not post what they rejected.
    return words.gettext("It is rejected, and I never post it.")


def left_alone(words: Catalogue, topics: int) -> str:
    """So many topics are no questions."""
    # Translators: the bot tells staff that it answers nothing in topics that are no
    # questions.
    return words.ngettext(
        "I leave {count} topic alone, as it is no question.",
        "I leave {count} topics alone, as they are no questions.",
        topics,
        count=str(topics),
    )


def help_for(words: Catalogue, *, staff: bool) -> str:
    """What may be written to the bot."""
    wish = f"`{opt_out_words(words.language)}`"
    # Translators: the bot answers a private message that it does not understand;
    # {command} stays as it is.
    said = words.gettext(
        "I am a bot, and nobody reads this. If you want no answers of mine, write"
        " {command}.",
        command=wish,
    )
    if not staff:
        return said
    # Translators: the bot tells staff its commands; {commands} stays as it is.
    orders = words.gettext(
        "As staff you may also write: {commands}.",
        commands="`status, please`, `pause, please`, `resume, please`, `withdraw 123`,"
        " `approve draft 123`, `reject draft 123`, `not a question 123`",
    )
    return f"{said} {orders}"
