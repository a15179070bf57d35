"""What each figure and each term of the report means, and whose definition it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_CHAOSS = "https://chaoss.community/kb/"


@dataclass(frozen=True, slots=True)
class Definition:
    """What something means.

    Attributes:
        name: By which figures name it; unique, and fit for an anchor.
        source: Whose definition it follows; empty: ours. *url* says where it stands.
    """

    name: str
    title: str
    text: str
    source: str = ""
    url: str = ""


_ALL = (
    Definition(
        "asked",
        "Topics asked",
        "Topics that people began in the period. Those begun by programs (the forum's "
        "own accounts, this bot, accounts named in report.bots) are not counted, nor "
        "those that the forum keeps out of its lists.",
        "CHAOSS: Issues New",
        f"{_CHAOSS}metric-issues-new/",
    ),
    Definition(
        "answered",
        "Answered by a person",
        "Share of the topics asked that hold a reply by a person other than who began "
        "them. Replies by programs never count, nor do replies of the asker's own. It "
        "does not say that the reply helped: see “Solved” and “Open”.",
        "CHAOSS: Issue Response Time (what counts as a response)",
        f"{_CHAOSS}metric-issue-response-time/",
    ),
    Definition(
        "first_reply_median",
        "Time to first human reply, median",
        "Hours from the start of a topic to its first reply by a person other than who "
        "began it: half of the answered topics waited for less. Topics without such a "
        "reply are not in it, see “Answered by a person”.",
        "CHAOSS: Time to First Response",
        f"{_CHAOSS}metric-time-to-first-response/",
    ),
    Definition(
        "first_reply_p90",
        "Time to first human reply, 90th percentile",
        "As the median; nine of ten answered topics waited for less. The smallest wait "
        "that is not below so many of them (nearest rank).",
        "CHAOSS: Time to First Response",
        f"{_CHAOSS}metric-time-to-first-response/",
    ),
    Definition(
        "solved",
        "Solved",
        "Share of the topics asked in which a reply is accepted as the solution now, "
        "by whoever may accept one on the forum.",
        "CHAOSS: Issues Closed (a solution closes a question)",
        f"{_CHAOSS}metric-issues-closed/",
    ),
    Definition(
        "newcomers",
        "Newcomers",
        "Share of the topics asked that are the first thing their author ever wrote on "
        "this forum, as far as it is held here.",
        "CHAOSS: New Contributors",
        f"{_CHAOSS}metric-new-contributors/",
    ),
    Definition(
        "open",
        "Open",
        "Questions asked in the period that no person has answered: nobody else "
        "replied, or what was replied tells nothing (a question back, “the same here”, "
        "thanks, or less than eight words without a link, code or a like). Topics that "
        "ask nothing, that are closed or solved, or that a moderator marked as no "
        "question are left out.",
    ),
    Definition(
        "need",
        "Need",
        "How much an open question needs somebody, from 0 to 1. It adds up how long "
        "it waits (most in the first days), words of urgency, whether it is a "
        "newcomer's first post, how many read it, and whether it can be answered: it "
        "tells what helpers ask for, and something is known that may help. The "
        "strongest reasons stand beside it.",
    ),
    Definition(
        "held_back",
        "Best suggestion held back",
        "The best link that this bot had for the question and did not post, how likely "
        "it is to help (calibrated on this forum's history), and why it was held back.",
    ),
    Definition(
        "similarity",
        "Similarity",
        "Cosine between two questions as the embedding model sees title and first "
        "post; 1 is the same. Beside it stand the telling words that both share.",
    ),
    Definition(
        "sure",
        "Looks like the solution",
        "How likely a reply is the one that would be accepted, from what the asker "
        "said after it, likes, links, code, length, place and who wrote it. Weights "
        "come from topics of real forums in which a solution was accepted.",
    ),
    Definition(
        "who_could_help",
        "Who could help",
        "Members who answered questions like this one, lately and before others did. "
        "Nobody is named who wants fewer messages, or for more than a few questions of "
        "one report.",
    ),
    Definition(
        "load",
        "Load",
        "For how many of the open questions a member is named.",
    ),
    Definition(
        "gap_missing",
        "Nothing exists",
        "Questions alike for which no page, course or video is near in meaning, and in "
        "which nobody linked one.",
    ),
    Definition(
        "gap_not_found",
        "Exists, but is not found",
        "Questions alike for which a page, course or video is near in meaning, or was "
        "linked by members again and again; people ask all the same.",
    ),
    Definition(
        "rising",
        "Rising",
        "Asked for more often than in the period of the same length just before, by "
        "more than chance explains; the score says by how many standard deviations.",
    ),
    Definition(
        "new_error",
        "New error messages",
        "Messages that questions of the period quote and earlier ones do not, numbers, "
        "names of files and the like left out.",
    ),
    Definition(
        "version_named",
        "Versions named",
        "Versions that questions of the period name, and how often those of the one "
        "before it did.",
    ),
    Definition(
        "bot_decided",
        "Decided",
        "Topics that this bot looked at and decided about in the period, silence "
        "included.",
        "CHAOSS: Bot Activity",
        f"{_CHAOSS}metric-bot-activity/",
    ),
    Definition(
        "bot_spoke",
        "Spoke",
        "Decided topics in which a reply of the bot was posted, or waits in the "
        "forum's approval queue, withdrawn ones included.",
    ),
    Definition(
        "bot_silent",
        "Silent",
        "Decided topics in which the bot posted nothing, and no draft waits; why, "
        "stands below.",
    ),
    Definition(
        "bot_drafts",
        "Drafts",
        "Replies that wait, or waited, for a moderator's word.",
    ),
    Definition(
        "bot_rated",
        "Rated",
        "Replies that people judged: by a like or reaction, a solution, a flag, a "
        "removal or a word. A moderator's word outweighs all others.",
    ),
    Definition(
        "bot_precision",
        "Precision",
        "Share of the rated replies that helped, with its 95 % interval (Wilson).",
    ),
    Definition(
        "bot_coverage",
        "Coverage",
        "Share of the decided topics in which the bot spoke.",
    ),
    Definition(
        "bot_withdrawn",
        "Withdrawn",
        "Replies that were taken back.",
    ),
    Definition(
        "calibration",
        "Calibration",
        "Of replies that were about as sure, how many helped. On the diagonal, "
        "confidence is what it says.",
    ),
    Definition(
        "dead",
        "Dead",
        "What is linked did not answer when it was last looked at.",
    ),
    Definition(
        "moved",
        "Moved",
        "What is linked has another address now.",
    ),
    Definition(
        "old_version",
        "Old version",
        "What is linked is a page of an older version; the current one stands beside "
        "it, or there is none any more.",
    ),
    Definition(
        "source_age",
        "Age",
        "Hours since a source was last read through without an error.",
    ),
)

DEFINITIONS: Mapping[str, Definition] = {each.name: each for each in _ALL}
