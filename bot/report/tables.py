"""The report as tables, for spreadsheets: CSV with a header. Pure.

One table per section, and two from whose rows figures are counted: of all topics, and
of what the bot decided.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import TypeAlias

from bot.escape import visible
from bot.report import model
from bot.report.cells import Cell, cell
from kb.tongues import primary

Row: TypeAlias = Mapping[str, Cell]
"""The cells of a row by column; what is left out is empty."""

_BETWEEN = " | "


@dataclass(frozen=True, slots=True)
class Table:
    """What a table holds.

    Attributes:
        columns: Names, in order, apart by spaces.
    """

    columns: str
    rows: Callable[[model.Report], Iterable[Row]]

    @property
    def names(self) -> list[str]:
        return self.columns.split()


def tables(report: model.Report) -> Mapping[str, str]:
    """All tables of a report, by name.

    Returns:
        The text of each: lines end as RFC 4180 wants it, times are ISO 8601 in UTC,
        yes and no are words, and what is not known is empty.
    """
    return {name: _written(table, report) for name, table in TABLES.items()}


def as_table(report: model.Report, name: str) -> str:
    """One of `TABLES`, as text.

    Raises:
        KeyError: There is none of that name.
    """
    return _written(TABLES[name], report)


def _written(table: Table, report: model.Report) -> str:
    file = StringIO()
    writer = csv.DictWriter(file, table.names)
    writer.writeheader()
    for row in table.rows(report):
        writer.writerow({name: cell(value) for name, value in row.items()})
    return file.getvalue()


# -- the rows ----------------------------------------------------------------------


def _topics(report: model.Report) -> Iterator[Row]:
    for row in report.rows:
        yield {
            "source": row.topic.source,
            "key": row.topic.key,
            **_asked(row.topic),
            "in_period": row.in_period,
            "newcomer": row.newcomer,
            "replies": row.replies,
            "first_reply_hours": row.first_reply_hours,
            "answered": row.answered,
            "solved": row.solved,
            "question": row.question,
            "open": row.open,
            "views": row.views,
            "bot": row.bot,
        }


def _open(report: model.Report) -> Iterator[Row]:
    for each in report.open_now.questions:
        best = each.suggestion
        yield {
            **_asked(each.topic),
            "age_hours": each.age_hours,
            "newcomer": each.newcomer,
            "views": each.views,
            "replies": each.replies,
            "need": each.need,
            "why": _listed(each.why),
            "suggestion": best.title if best else None,
            "suggestion_url": _address(best.url) if best else None,
            "confidence": best.confidence if best else None,
            "silence": each.silence,
            "helpers": _listed(helper.name for helper in each.helpers),
        }


def _repeats(report: model.Report) -> Iterator[Row]:
    """A row for each question that repeats an earlier one, then one for each question
    of a group of open ones."""
    for number, each in enumerate(report.repeats.repeats, start=1):
        yield {
            "repeats": "solved" if each.marked else "looks solved",
            "group": number,
            **_titled(each.topic),
            "earlier_title": each.earlier.title,
            "earlier_url": _address(each.earlier.url),
            "similarity": each.similarity,
            "answer_title": each.answer.title,
            "answer_url": _address(each.answer.url),
            "passage": each.answer.passage,
            "words": _listed(each.shared),
        }
    for number, cluster in enumerate(report.repeats.clusters, start=1):
        for topic in cluster.topics:
            yield {
                "repeats": "open",
                "group": number,
                **_titled(topic),
                "similarity": cluster.similarity,
                "words": _listed(cluster.words),
            }


def _unmarked(report: model.Report) -> Iterator[Row]:
    for each in report.unmarked:
        yield {
            **_titled(each.topic),
            "post": each.number,
            "post_url": _address(each.url),
            "author": each.author,
            "sure": each.sure,
            "excerpt": each.excerpt,
            "why": _listed(each.why),
        }


def _helpers(report: model.Report) -> Iterator[Row]:
    """Who is named for which question; who is named for none that is listed, last."""
    loads = {(load.name, load.url): load for load in report.who_could_help}
    named = set()
    for question in report.open_now.questions:
        for helper in question.helpers:
            key = (helper.name, helper.url)
            named.add(key)
            yield {
                **_titled(question.topic),
                "name": helper.name,
                "profile_url": _address(helper.url),
                "region": helper.region,
                "score": helper.score,
                "solved": helper.solved,
                "last_at": helper.last_at,
                "why": helper.why,
                "load": loads[key].questions if key in loads else None,
            }
    for key, load in loads.items():
        if key not in named:
            yield {
                "name": load.name,
                "profile_url": _address(load.url),
                "region": load.region,
                "load": load.questions,
            }


def _gaps(report: model.Report) -> Iterator[Row]:
    for each in report.gaps.gaps:
        yield {
            "verdict": each.verdict,
            "words": _listed(each.words),
            "questions": each.size,
            "unanswered": each.unanswered,
            **_samples(each.topics),
            "nearest": _listed(map(_near, each.nearest)),
            "nearest_urls": _addresses(page.url for page in each.nearest),
            "linked": _listed(f"{page.title} ×{count}" for page, count in each.linked),
            "linked_urls": _addresses(page.url for page, _ in each.linked),
        }


def _searches(report: model.Report) -> Iterator[Row]:
    found = report.gaps.searches
    for each in found.sought if found else ():
        yield {"query": each.query, "people": each.people, "times": each.times}


def _near(page: model.Resource) -> str:
    known = "" if page.similarity is None else f" ({page.similarity:.2f})"
    return f"{page.title}{known}"


def _trends(report: model.Report) -> Iterator[Row]:
    found = report.trends
    for rising in (*found.clusters, *found.words, *found.errors, *found.versions):
        yield {
            "what": rising.what,
            "label": rising.label,
            "now": rising.now,
            "before": rising.before,
            "score": rising.score,
            **_samples(rising.topics),
        }


def _health(report: model.Report) -> Iterator[Row]:
    found = report.health
    groups = (
        ("period", (model.Group("", found.overall),)),
        ("period before", (model.Group("", found.before),)),
        ("category", found.by_category),
        ("language", found.by_language),
        ("time", found.over_time),
    )
    for by, of_kind in groups:
        for group in of_kind:
            for figure in group.figures:
                yield {"by": by, "group": group.name, **_figure(figure)}


def _scorecard(report: model.Report) -> Iterator[Row]:
    found = report.scorecard
    if found is None:
        return
    for figure in found.figures:
        yield {"what": "figure", **_figure(figure)}
    for what, counts in (
        ("silence", found.silences),
        ("state", found.states),
        ("rating", found.ratings),
    ):
        for each in counts:
            yield {
                "what": what,
                "figure": each.label,
                "value": each.count,
                "unit": "count",
                "topic_urls": _addresses(topic.url for topic in each.topics),
            }
    for some in found.calibration:
        yield {
            "what": "calibration",
            "figure": f"about {some.confidence:.2f} sure",
            "value": some.share,
            "unit": "share",
            "n": some.n,
            "low": some.low,
            "high": some.high,
            "topic_urls": _addresses(topic.url for topic in some.topics),
        }
    for wrong in found.mistakes:
        yield {
            "what": "mistake",
            "figure": wrong.verdict,
            "value": wrong.what.confidence,
            "unit": "confidence",
            "topic_urls": _address(wrong.topic.url),
            "led_to": _address(wrong.what.url),
        }


def _decisions(report: model.Report) -> Iterator[Row]:
    for row in report.scorecard.decisions if report.scorecard else ():
        yield {
            "key": row.key,
            **(_titled(row.topic) if row.topic else {}),
            "decided_at": row.decided_at,
            "mode": row.mode,
            "outcome": row.outcome,
            "voice": row.voice,
            "draft": row.draft,
            "why": _listed(row.why),
            "helped": row.helped,
        }


def _figure(figure: model.Figure) -> Row:
    return {
        "figure": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "n": figure.n,
        "low": figure.low,
        "high": figure.high,
        "rows": figure.rows.count,
        "table": None if figure.rows.where is None else figure.rows.table,
        "where": figure.rows.where,
    }


def _links(report: model.Report) -> Iterator[Row]:
    for bad in report.upkeep.links:
        page = bad.instead
        yield {
            "problem": bad.problem,
            "title": bad.title,
            "url": _address(bad.url),
            "detail": bad.detail,
            "posts": bad.links,
            "instead_title": page.title if page else None,
            "instead_url": _address(page.url) if page else None,
            "topic_urls": _addresses(topic.url for topic in bad.topics),
        }


def _sources(report: model.Report) -> Iterator[Row]:
    for each in report.upkeep.sources:
        yield {
            "name": each.name,
            "documents": each.documents,
            "refreshed_at": each.refreshed_at,
            "age_hours": each.age_hours,
            "error": each.error,
            "set_aside": each.set_aside,
            "dead": each.dead,
        }


def _titled(topic: model.Topic) -> Row:
    return {"title": topic.title, "url": _address(topic.url)}


def _asked(topic: model.Topic) -> Row:
    """What is told of a topic where the table is about topics."""
    return {
        **_titled(topic),
        "created_at": topic.created_at,
        "author": topic.author,
        "category": topic.category,
        # By which the report groups them: no region, no script.
        "language": primary(topic.language),
    }


def _samples(topics: Iterable[model.Topic]) -> Row:
    shown = list(topics)
    return {
        "sample_titles": _listed(topic.title for topic in shown),
        "sample_urls": _addresses(topic.url for topic in shown),
    }


def _listed(texts: Iterable[str]) -> str:
    """Several texts in one cell, each told from the next."""
    return _BETWEEN.join(filter(None, map(visible, texts)))


def _address(url: str) -> str:
    """An address without a space, so that several fit into one cell."""
    return visible(url).replace(" ", "%20")


def _addresses(urls: Iterable[str]) -> str:
    return " ".join(filter(None, map(_address, urls)))


_FIGURE = "figure value unit n low high rows table where"

TABLES: Mapping[str, Table] = {
    "topics": Table(
        "source key title url created_at author category language in_period newcomer"
        " replies first_reply_hours answered solved question open views bot",
        _topics,
    ),
    "open": Table(
        "title url created_at author category language age_hours newcomer views replies"
        " need why suggestion suggestion_url confidence silence helpers",
        _open,
    ),
    "repeats": Table(
        "repeats group title url earlier_title earlier_url similarity answer_title"
        " answer_url passage words",
        _repeats,
    ),
    "unmarked": Table("title url post post_url author sure excerpt why", _unmarked),
    "helpers": Table(
        "title url name profile_url region score solved last_at why load", _helpers
    ),
    "gaps": Table(
        "verdict words questions unanswered sample_titles sample_urls nearest"
        " nearest_urls linked linked_urls",
        _gaps,
    ),
    "searches": Table("query people times", _searches),
    "trends": Table("what label now before score sample_titles sample_urls", _trends),
    "health": Table(f"by group {_FIGURE}", _health),
    "scorecard": Table(f"what {_FIGURE} topic_urls led_to", _scorecard),
    "decisions": Table(
        "key title url decided_at mode outcome voice draft why helped", _decisions
    ),
    "links": Table(
        "problem title url detail posts instead_title instead_url topic_urls", _links
    ),
    "sources": Table(
        "name documents refreshed_at age_hours error set_aside dead", _sources
    ),
}
"""All tables by name, in the order of the report."""
