"""Records as lines for people; pure.

Each returns text of one or more lines in which nothing that came from a forum can
break a line; `bot.terminal.say` takes out the control characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.compose import title_of
from bot.escape import printable, shortened, visible
from bot.facts import facts_of
from bot.show_bridge import bridge_line
from bot.show_ranking import model_line, threshold_lines
from bot.terminal import ago
from kb.store.details import known_details
from kb.types import Kind

if TYPE_CHECKING:
    from bot.checking import CheckReport
    from bot.coverage import ForumStatus
    from bot.status import IndexStatus, SourceStatus, Status, SwitchStatus
    from indexer.pipeline import RefreshReport
    from indexer.verify import VerifyReport
    from kb.store import Decision, Target
    from kb.types import LinkFrom, SearchHit

_PASSAGE_CHARS = 240
_RECENT = 5
_DEAD = 5
_DAY_S = 86_400


def harvest_line(report: RefreshReport) -> str:
    """What a harvest did."""
    skipped = sum(report.skipped.values())
    line = (
        f"{report.source}: {report.inserted} new, {report.updated} updated, "
        f"{report.unchanged} unchanged, {report.deleted} deleted, "
        f"{skipped} skipped, {report.set_aside} set aside; "
        f"{report.passages_added} passages added, {report.passages_removed} removed; "
        f"{_requests(report)}, {report.seconds:.1f} s"
    )
    if report.texts or report.texts_changed:
        line = (
            f"{report.source}: {report.texts} texts in several languages, "
            f"{report.texts_changed} changed, {report.set_aside} files set aside; "
            f"{_requests(report)}, {report.seconds:.1f} s"
        )
    reasons = [f"  skipped {n}: {reason}" for reason, n in report.skipped.items()]
    return "\n".join([line, *reasons])


def _requests(report: RefreshReport) -> str:
    """How many, and what for."""
    line = f"{report.requests} requests"
    if len(report.phases) < 2:
        return line
    parts = ", ".join(f"{phase} {count}" for phase, count in report.phases.items())
    return f"{line} ({parts})"


def verify_lines(report: VerifyReport) -> str:
    """What a comparison with a forum found."""
    equal = report.checked - len(report.different) - len(report.failed)
    lines = [
        f"{report.source}: {report.checked} topics compared, {equal} as on the forum, "
        f"{len(report.different)} different, {len(report.failed)} not comparable; "
        f"{report.requests} requests, {report.seconds:.1f} s"
    ]
    for checked in report.different:
        lines += [f"  topic {checked.key}: {visible(d)}" for d in checked.differences]
    for checked in report.failed:
        lines.append(f"  topic {checked.key}: {visible(checked.failed)}")
    return "\n".join(lines)


def hit_values(hit: SearchHit) -> dict[str, Any]:
    """A search result for machines."""
    return {
        "title": hit.document.title,
        "url": hit.url,
        "kind": hit.document.kind.value,
        "source": hit.document.source,
        "language": hit.document.language,
        "version": hit.document.version,
        "solved": hit.document.solved,
        "closed": hit.document.closed,
        "heading": hit.passage.heading,
        "passage": hit.passage.text,
        "details": known_details(hit.document.details),
        "score": round(hit.score, 4),
        "confidence": round(hit.confidence, 4),
    }


def hit_lines(hit: SearchHit, *, at: datetime) -> str:
    """A search result for people; *at* is now."""
    # Kinds as the option --kind has them.
    kinds = {kind: kind.value for kind in Kind}
    facts = facts_of(hit, reader=None, at=at, foreign=visible, kinds=kinds)
    passage = shortened(visible(hit.passage.text), _PASSAGE_CHARS)
    return (
        f"{hit.confidence:.2f}  {visible(title_of(hit))} ({', '.join(facts)})\n"
        f"      {visible(hit.url)}\n"
        f"      {passage}"
    )


def link_values(found: LinkFrom) -> dict[str, Any]:
    """Who links to a page, for machines."""
    link = found.link
    return {
        "title": found.document.title,
        "from": found.url,
        "kind": found.document.kind.value,
        "source": found.document.source,
        "to": link.url + link.anchor,
        "text": link.text,
        "relation": link.relation.value,
        "role": link.role.value,
        "accepted": link.accepted,
        "created_at": link.created_at,
    }


def link_lines(found: LinkFrom) -> str:
    """Who links to a page, for people."""
    link = found.link
    when = f"{link.created_at:%Y-%m-%d}" if link.created_at else "no date   "
    facts = [link.role.value]
    facts += [link.relation.value] if link.relation.value != "link" else []
    facts += ["accepted"] if link.accepted else []
    lines = [
        f"{when}  {visible(found.document.title)} ({', '.join(facts)})",
        f"            {visible(found.url)}",
    ]
    if link.text:
        lines.append(f"            “{visible(link.text)}”")
    return "\n".join(lines)


def status_lines(status: Status) -> str:
    """The whole status."""
    lines = [
        f"data: {status.data_dir}",
        f"running: {status.running or 'nothing'}",
        *(line for source in status.sources for line in _source_lines(source)),
        *_language_lines(status),
        *_index_lines(status.index),
        model_line(status.ranking),
        bridge_line(status.bridge),
        *threshold_lines(status.thresholds, status.min_confidence),
        *_bot_lines(status),
    ]
    for decision in status.recent[:_RECENT]:
        head, *why = _decided(decision)
        lines += [head, f"  {visible(decision.title)}", *why]
    for aside in status.set_aside:
        reason = visible(aside.reason)
        lines.append(
            f"set aside: {aside.source} {visible(aside.key)}, {aside.times}×: {reason}"
        )
    lines += [dead_line(target) for target in status.dead[:_DEAD]]
    return "\n".join(lines)


def _bot_lines(status: Status) -> list[str]:
    modes = "".join(f", {slug}: {mode}" for slug, mode in status.modes.items())
    decisions = _counts(status.decisions) or "none"
    lines = [f"bot: mode {status.mode}{modes}; decisions: {decisions}"]
    if status.pause is not None:
        pause = status.pause
        lines.append(
            f"  paused by {pause.origin} since {pause.at:%Y-%m-%d %H:%M} UTC: "
            f"{visible(pause.reason)}; baraza resume ends it"
        )
    if status.next_due is not None:
        lines.append(f"  the next topic is decided at {status.next_due:%H:%M} UTC")
    if status.drafts:
        lines.append(f"  drafts to approve: {len(status.drafts)}; see baraza drafts")
    return lines


def draft_lines(draft: Decision) -> str:
    """One draft as `baraza drafts` lists it: the topic, why, and the reply."""
    head, *why = _decided(draft)
    body = [f"  | {printable(line)}" for line in (draft.body or "").splitlines()]
    return "\n".join([head, f"  {visible(draft.title)}", *why, *body])


def check_lines(report: CheckReport) -> str:
    """What a check found, and all that is dead."""
    lines = [
        f"{report.source}: {report.asked} asked for, {report.alive} alive, "
        f"{report.died} dead, {report.unknown} not known; "
        f"{len(report.dead)} left out of search"
    ]
    return "\n".join([*lines, *(f"  {dead_line(target)}" for target in report.dead)])


def dead_line(target: Target) -> str:
    """Which document does not answer, since when, and why."""
    since = f"{target.dead_at:%Y-%m-%d}" if target.dead_at else "?"
    return (
        f"dead: {visible(target.title)} {visible(target.url)}, "
        f"since {since}: {visible(target.problem)}"
    )


def _counted(number: int, kind: str) -> str:
    """So many of a kind.

    >>> _counted(1, "thread"), _counted(2, "thread"), _counted(2, "docs")
    ('1 thread', '2 threads', '2 docs pages')
    """
    name = "docs page" if kind == "docs" else kind
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _language_lines(status: Status) -> list[str]:
    """What the documents are written in, and what answers are not."""
    counts = [f"{language} {count}" for language, count in status.languages.items()]
    if status.undetermined:
        counts.append(f"not determined {status.undetermined}")
    lines = [f"languages: {', '.join(counts)}"] if counts else []
    if status.unanswered_in:
        listed = ", ".join(status.unanswered_in)
        lines.append(
            f"no sentences in {listed}: answered in English (community.translations)"
        )
    return lines


def _source_line(source: SourceStatus) -> str:
    counts = ", ".join(
        f"{_counted(each.documents, each.kind)} ({each.passages} passages)"
        for each in source.counts
    )
    walk = f"last complete {ago(source.age_s)}"
    if not source.complete and source.finished_at is not None:
        walk += ", a newer walk is unfinished"
    if source.texts:
        counts = f"{source.texts} texts in several languages"
    nothing = "nothing yet (run baraza harvest)"
    line = f"source {source.name}: {counts or nothing}; {walk}"
    line += "" if source.enabled else "; not enabled"
    line += f"; {source.set_aside} set aside" if source.set_aside else ""
    line += f"; {source.dead} dead (baraza check)" if source.dead else ""
    line += f"; last error: {visible(source.last_error)}" if source.last_error else ""
    return line


def _source_lines(source: SourceStatus) -> list[str]:
    lines = [_source_line(source)]
    if source.forum is not None:
        lines += [f"  {line}" for line in _forum_lines(source.forum)]
    return lines


def _forum_lines(forum: ForumStatus) -> list[str]:
    """How much of a forum is held, and how true that still is."""
    held = f"{forum.posts} posts held"
    if forum.left_out:
        causes = ", ".join(f"{visible(c)} {n}" for c, n in forum.left_out.items())
        held += f", {sum(forum.left_out.values())} known and left out ({causes})"
    lines = [held]
    if forum.first_read is not None:
        lines.append(f"first reading: {forum.first_read:.0%} of the posts")
    waiting = []
    if forum.loose:
        waiting.append(f"{forum.loose} posts for the rest of their topic")
    if forum.looks:
        waiting.append(f"{_counted(forum.looks, 'topic')} to be read again")
    if waiting:
        lines.append(f"waiting: {', '.join(waiting)}")
    if forum.oldest_age_s is None and not forum.stale:
        return lines
    limit = f"{forum.max_age_s / _DAY_S:g} days"
    oldest = ago(forum.oldest_age_s)
    lines.append(
        f"compared with the forum: the oldest topic {oldest}, "
        f"{forum.stale} longer than {limit} ago or never"
    )
    lines.append(_sweep_line(forum))
    return lines


def _sweep_line(forum: ForumStatus) -> str:
    if forum.sweep_days is None:
        return "looking again: never (recrawl_per_day is 0)"
    parts = [f"a round takes {_span(forum.sweep_days)}"]
    if forum.sweep is not None:
        parts.append(f"{forum.sweep:.0%} of this one done")
    if forum.sweep_days * _DAY_S > forum.max_age_s:
        parts.append("longer than max_age: raise recrawl_per_day")
    return f"looking again: {', '.join(parts)}"


def _span(days: float) -> str:
    """
    >>> _span(0.01), _span(0.5), _span(2.4)
    ('less than an hour', '12 hours', '2.4 days')
    """
    if days * 24 < 1:
        return "less than an hour"
    return f"{days * 24:.0f} hours" if days < 2 else f"{days:.1f} days"


def _index_lines(index: IndexStatus) -> list[str]:
    if index.problem is not None:
        return [f"index: {index.problem}"]
    behind = f"{index.lag} changes behind" if index.lag else "up to date"
    lines = [f"index: {index.passages} passages, {behind}, model {index.model_id}"]
    if index.switch is not None:
        lines.append(f"  {_switch_line(index.switch)}")
    return lines


def _switch_line(switch: SwitchStatus) -> str:
    if switch.model_id is None:
        return (
            f"answers until {visible(switch.model)} is embedded, which is not on this "
            "machine yet"
        )
    share = switch.embedded / switch.texts if switch.texts else 1.0
    return (
        f"answers until {switch.model_id} is embedded: {switch.embedded} of "
        f"{switch.texts} texts ({share:.0%})"
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def decision_lines(decision: Decision) -> str:
    """A decision with its reasons, its links and, if there is one, the reply."""
    lines = _decided(decision)
    if decision.body is not None:
        lines += ["", decision.body]
    return "\n".join(lines)


def draft_outcome(decision: Decision) -> str:
    """What became of a draft that somebody had a word on."""
    match decision.state:
        case "claimed":
            what = "approved: baraza run posts it with its next look at the forum"
        case "posted":
            what = f"posted at {visible(decision.post_url or '')}"
        case "decided":
            what = "it does not hold any more, and is not posted"
        case other:
            what = other
    has_reason = decision.state in ("decided", "refused", "rejected")
    why = f": {visible(decision.reasons[-1])}" if has_reason else ""
    return f"topic {decision.topic_id}: {what}{why}"


def _suggested(link: Mapping[str, Any]) -> str:
    if link.get("forgotten"):
        return "  a link to somebody who is forgotten"
    sure = f"{link['confidence']:.2f} " if "confidence" in link else ""
    gone = " (taken out)" if link.get("removed") else ""
    title, url = visible(link.get("title", "")), visible(link.get("url", ""))
    return f"  {sure}{title} {url}{gone}"


def _decided(decision: Decision) -> list[str]:
    outcome = "silence" if decision.is_silent else f"reply ({decision.state})"
    lines = [f"topic {decision.topic_id}: {outcome}, mode {decision.mode}"]
    lines += [f"  because {visible(reason)}" for reason in decision.reasons]
    lines += map(_suggested, decision.suggestions)
    if decision.post_url:
        lines.append(f"  posted at {visible(decision.post_url)}")
    return lines
