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
        "as_of",
        "As of",
        "Everything is seen as it stood at the end of the period: what came later "
        "does not count. But titles, categories, views, likes, marks and whether a "
        "topic is closed are those of the last harvest, as no forum tells since when "
        "they are so; and sources are told as they are now, whatever the period. All "
        "times are UTC.",
    ),
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
        "Hours from the start of a topic to its first reply by a person other than "
        "who began it: half of the answered topics waited for less. Topics without "
        "such a reply are not in it, see “Answered by a person”.",
        "CHAOSS: Time to First Response",
        f"{_CHAOSS}metric-time-to-first-response/",
    ),
    Definition(
        "first_reply_p90",
        "Time to first human reply, 90th percentile",
        "As the median; nine of ten answered topics waited for less. The smallest "
        "wait that is not below so many of them (nearest rank).",
        "CHAOSS: Time to First Response",
        f"{_CHAOSS}metric-time-to-first-response/",
    ),
    Definition(
        "solved",
        "Solved",
        "Share of the topics asked in which a reply is accepted as the solution, as "
        "of the last harvest, by whoever may accept one on the forum: a person's or "
        "the asker's own. A reply of a program solves nothing here.",
        "CHAOSS: Issues Closed (a solution closes a question)",
        f"{_CHAOSS}metric-issues-closed/",
    ),
    Definition(
        "newcomers",
        "Newcomers",
        "Share of the topics asked that are the first thing their author ever wrote "
        "on this forum, as far as it is held here.",
        "CHAOSS: New Contributors",
        f"{_CHAOSS}metric-new-contributors/",
    ),
    Definition(
        "open",
        "Open",
        "Questions that no person has answered: nobody else replied, or what was "
        "replied tells nothing (a question back, “the same here”, thanks, or less "
        "than eight words without a link, code or a like). Topics that ask nothing, "
        "that are closed or solved as of the last harvest, or that a moderator marked "
        "as no question are left out. “Open now” tells of questions of the last 30 "
        "days (report.open_for), or of the period where that is longer; as a figure "
        "of community health it is the share of the topics asked in the period.",
    ),
    Definition(
        "by_bots",
        "Written by programs",
        "Topics that programs began in the period, and replies that they wrote in it, "
        "in whatever topic; what a program is, see “Topics asked”. The topics behind "
        "it are those in which they wrote. Nothing of it counts in any other figure "
        "of community health.",
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
        "Best suggestion",
        "The best link that this bot knows for the question, and how likely it is to "
        "help (calibrated on this forum's history). Beside it stands why it is not in "
        "the topic, or that the bot has replied with it, or that a draft waits.",
    ),
    Definition(
        "similarity",
        "Similarity",
        "Cosine between two questions as the embedding model sees title and first "
        "post; 1 is the same. Beside it stand the telling words that both share.",
    ),
    Definition(
        "repeats",
        "Repeats",
        "A question that an earlier one asked already, which was solved: a reply of "
        "it is marked as the solution, or else, and then it says so, only looks like "
        "it. Both are much nearer in meaning than questions of the forum mostly are, "
        "and share rare words. Told are questions of the last 30 days "
        "(report.open_for), or of the period where that is longer, that have no such "
        "reply themselves.",
    ),
    Definition(
        "open_clusters",
        "Open questions that ask the same",
        "Questions that are open (see “Open”) and alike by the same measure as "
        "“Repeats” around one of them; the similarity is the least between that one "
        "and another.",
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
        "Nobody is named who wants fewer messages, or for more than a few questions "
        "of one report.",
    ),
    Definition(
        "load",
        "Load",
        "For how many of the open questions a member is named.",
    ),
    Definition(
        "gap_missing",
        "Nothing exists",
        "Questions alike for most of which no page, course or video is near in "
        "meaning, and in which hardly anybody (one in ten at most) linked one.",
    ),
    Definition(
        "gap_not_found",
        "Exists, but is not found",
        "Questions alike for which a page, course or video is near in meaning, for "
        "half of them at least, or was linked by members in more than one in ten; "
        "people ask all the same.",
    ),
    Definition(
        "unanswered",
        "Without any reply",
        "Questions of a gap to which no other person replied at all. Unlike “Open”, "
        "it counts closed topics too, and none with a reply that tells nothing.",
    ),
    Definition(
        "searched_in_vain",
        "Searched for, and not found",
        "What the search box and the query endpoint were asked in the period, and "
        "found nothing for, or nothing likely to help; with filters it is counted "
        "alone. A query is named only once several different people (five, "
        "unless the config says otherwise) searched it in vain within 30 days: its "
        "words, sorted, without those of grammar. What fewer search is counted and "
        "written down nowhere, nor is who searched; what holds an address, a long "
        "number or an @ is never named. People are those that could be "
        "told apart, so at least so many. Counted are all days of UTC that the period "
        "touches, whole.",
    ),
    Definition(
        "rising",
        "Rising",
        "Asked for by at least four questions of three people, half as often again at "
        "least as in the period of the same length just before, and by more than "
        "chance explains: the score says by how many standard deviations, three at "
        "least for a word and two for a subject.",
    ),
    Definition(
        "new_error",
        "New error messages",
        "Messages that at least two questions of the period by two people quote, "
        "numbers, names of files and the like left out, and that no earlier question "
        "that is held does. Or hardly any: then at least four questions of the period "
        "quote it, more often than all earlier ones by three standard deviations, "
        "and, where there were questions in the period before, half as often again at "
        "least as those, by two.",
    ),
    Definition(
        "version_named",
        "Versions named",
        "Versions that at least two questions of the period by two people name, those "
        "named most often first, and how often those of the period before it did; "
        "they need not rise.",
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
        "Decided topics with a reply that waits, or waited, for a moderator's word.",
    ),
    Definition(
        "bot_rated",
        "Rated",
        "Replies of the period that people judged before its end: by a like or "
        "reaction, a solution, a flag, a removal or a word. A moderator's word "
        "outweighs all others.",
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
        "Replies of the period that were taken back.",
    ),
    Definition(
        "silences",
        "Why it was silent",
        "How many of the silent topics had each reason; one topic may have several. "
        "Names, numbers and addresses are left out, and wishes of members are all "
        "told as the bot's policy.",
    ),
    Definition(
        "outcomes",
        "What became of decisions",
        "Each topic of the period that the bot looked at, once, by how its decision "
        "stood at the end of the period; those that wait to be decided, too.",
    ),
    Definition(
        "ratings",
        "What people said",
        "How many of the rated replies were judged in each way, by members and by "
        "moderators where the forum tells who; one reply may be judged in several "
        "ways.",
    ),
    Definition(
        "mistakes",
        "Worst mistakes",
        "Rated replies that did not help, those first in which the bot was surest; "
        "only those whose topic and link the reader may see.",
    ),
    Definition(
        "decisions",
        "Decisions",
        "The table of the topics that the bot decided about, or is to decide about, "
        "in the period, from which the figures of its scorecard are counted. The last "
        "decision on a topic counts alone. Topics that the reader may not know of are "
        "neither in it nor counted.",
    ),
    Definition(
        "calibration",
        "Calibration",
        "Of all replies ever rated, those that were about as sure: how many helped. "
        "On the diagonal, confidence is what it says.",
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
        "Hours from when a source was last read through without an error to the end "
        "of the period; 0 where that was later.",
    ),
    Definition(
        "documents_held",
        "Documents",
        "Topics, pages, courses and videos of a source that are held now and that the "
        "reader may see.",
    ),
    Definition(
        "set_aside",
        "Set aside",
        "Records of a source that could not be read, before the end of the period, "
        "and are tried again.",
    ),
)

DEFINITIONS: Mapping[str, Definition] = {each.name: each for each in _ALL}
