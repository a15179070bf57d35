"""Reports to write down: one with all sections filled, a hostile one, an empty one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.report import model
from kb.types import Kind

AS_OF = datetime(2024, 5, 1, 12, tzinfo=UTC)
SINCE = AS_OF - timedelta(days=28)
FORUM = "https://forum.example.org"
DOCS = "https://docs.example.org"

# Number, language, category, title; in four languages, as a community writes.
_TITLES = (
    ("en", "Support", "Dashboard maps stay empty after the upgrade to 2.41"),
    (
        "fr",
        "Support",
        "L’importation échoue avec « conflit 409 » sur les données agrégées",
    ),
    ("es", "Ayuda", "¿Cómo comparto un informe con otro grupo de usuarios?"),
    ("pt", "Ajuda", "Não consigo iniciar sessão na aplicação Android"),
    ("en", "Development", "Which endpoint lists tracked entities by attribute?"),
    ("fr", "Support", "Comment traduire les noms des indicateurs ?"),
    ("en", "Support", "Scheduled analytics job never finishes"),
    ("es", "Ayuda", "El validador no encuentra la regla de población"),
)
EVIL = (
    '</script></style></title>"><script>alert(1)</script><img src=x onerror=alert(1)>'
    "{{ 7 * 7 }} | a | `b` **c** [d](javascript:alert(1)) @ann"
)
OVERRIDE = "safe \u202egnp.exe\u202c \u2066x\u2069\x1b[31m"
EMOJIS = "🙈" * 255
LONG = "Pneumono" * 60
# What a hostile forum may call a topic, in turn.
HOSTILE = (
    EVIL,
    OVERRIDE,
    EMOJIS,
    LONG,
    "",
    "مرحبا كيف أضيف وحدة تنظيمية؟",
    "a | b\n# c\n- d",
)
BAD_URLS = (
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "",
    f'{FORUM}/t/1?a="><script>alert(1)</script>&b=|`c`',
    "//elsewhere.example.org/x",
    "http://[broken",
    f"{FORUM}/{'long' * 200}",
)


def topic(number: int, **changes: Any) -> model.Topic:
    """The topic of a number; the same number gives the same topic."""
    language, category, title = _TITLES[number % len(_TITLES)]
    repeat = number // len(_TITLES)
    made = model.Topic(
        source="forum",
        key=str(100 + number),
        title=title if not repeat else f"{title} ({repeat + 1})",
        url=f"{FORUM}/t/{100 + number}",
        created_at=AS_OF - timedelta(hours=7 + 9 * number),
        author=f"member{number % 13}",
        category=category,
        language=language,
    )
    return replace(made, **changes)


def topics(*numbers: int) -> tuple[model.Topic, ...]:
    return tuple(topic(number) for number in numbers)


def resource(
    name: str = "maps", kind: Kind = Kind.DOCS, **changes: Any
) -> model.Resource:
    made = model.Resource(
        kind=kind,
        title=f"Using {name}",
        url=f"{DOCS}/{name}.html",
        confidence=0.41,
        similarity=0.63,
        passage=f"Open the settings of {name} and clear the cache before you start.",
    )
    return replace(made, **changes)


def helper(number: int = 1, **changes: Any) -> model.Helper:
    made = model.Helper(
        name=f"helper{number}",
        url=f"{FORUM}/u/helper{number}",
        score=0.9 / number,
        solved=12 // number,
        last_at=AS_OF - timedelta(days=number),
        region="HISP West Africa" if number == 1 else "",
        why=f"answered {12 // number} of the 40 most similar questions first",
    )
    return replace(made, **changes)


def rows(count: int = 60) -> tuple[model.Row, ...]:
    """A table of topics, newest first."""
    made = []
    for number in range(count):
        answered, question = number % 3 != 0, number % 7 != 6
        made.append(
            model.Row(
                topic=topic(number),
                newcomer=number % 4 == 0,
                replies=number % 5 if answered else 0,
                first_reply_hours=0.5 + number % 17 if answered else None,
                answered=answered,
                solved=answered and number % 2 == 0,
                question=None if number % 11 == 10 else question,
                open=question and not answered,
                views=17 * number,
                bot=("", "spoke", "silent", "draft")[number % 4],
            )
        )
    return tuple(made)


def counted(number: int, where: str | None = None, *, of: int = 5) -> model.Rows:
    return model.Rows(number, where, topics(*range(min(number, of))))


def count(name: str, value: float | None, where: str | None = None) -> model.Figure:
    return model.Figure(
        name, value, "count", int(value or 0), counted(int(value or 0), where)
    )


def share(name: str, right: int, n: int, where: str | None = None) -> model.Figure:
    value = right / n if n else None
    low = None if value is None else max(0.0, value - 0.11)
    high = None if value is None else min(1.0, value + 0.09)
    return model.Figure(name, value, "share", n, counted(right, where), low, high)


def hours(name: str, value: float | None, n: int, where: str) -> model.Figure:
    return model.Figure(name, value, "hours", n, counted(n, where))


def grouped(name: str, asked: int, step: int, where: str, first: int) -> model.Group:
    """A group of which a condition tells, and the first rows of each figure."""
    return model.Group(
        name,
        tuple(
            replace(figure, rows=replace(figure.rows, first=figure.rows.first[:first]))
            for figure in health_figures(asked, step, f"in_period = yes and {where}")
        ),
    )


def category(name: str, asked: int, step: int) -> model.Group:
    return grouped(name, asked, step, f'category = "{name}"', 2)


def language(name: str, asked: int, step: int) -> model.Group:
    return grouped(name, asked, step, f'language = "{name}"', 2)


def week(since: datetime, asked: int, step: int) -> model.Group:
    day, end = (f"{at:%Y-%m-%d}" for at in (since, since + timedelta(days=7)))
    return grouped(day, asked, step, f"created_at >= {day} and created_at < {end}", 0)


def health_figures(
    asked: int, step: int = 0, where: str = "in_period = yes"
) -> tuple[model.Figure, ...]:
    """The figures of *asked* topics; *step* varies them."""
    answered = asked * (6 + step % 3) // 9
    told = f"{where} and answered = yes"
    return (
        count("asked", asked, where),
        share("answered", answered, asked, told),
        hours("first_reply_median", 3.5 + step % 4, answered, told),
        hours("first_reply_p90", 31.0 + 9 * (step % 3), answered, told),
        share("solved", asked // 3, asked, f"{where} and solved = yes"),
        share("open", asked - answered, asked, f"{where} and open = yes"),
        share("newcomers", asked // 4, asked, f"{where} and newcomer = yes"),
    )


def earlier_figures(asked: int) -> tuple[model.Figure, ...]:
    """Of the period before, whose topics no table holds."""
    return tuple(
        replace(figure, rows=replace(figure.rows, where=None))
        for figure in health_figures(asked, 1)
    )


def by_bots(value: int) -> model.Figure:
    return replace(count("by_bots", value), rows=counted(value // 2))


def open_question(number: int, **changes: Any) -> model.OpenQuestion:
    made = model.OpenQuestion(
        topic=topic(3 * number),
        age_hours=7.0 + 27 * number,
        newcomer=number % 2 == 0,
        views=17 * number + 4,
        replies=number % 2,
        need=max(0.05, 0.93 - 0.11 * number),
        why=(
            "urgent: “blocked since Monday”",
            "first post of a newcomer",
            "51 hours old",
        ),
        suggestion=resource() if number % 3 != 2 else None,
        silence="less sure than 60 %, which documentation needs"
        if number % 3 != 2
        else "",
        helpers=tuple(helper(each) for each in range(1, 4)),
        actions=(
            model.Action("open", f"{FORUM}/t/{100 + 3 * number}"),
            model.Action(
                "approve",
                f"{FORUM}/t/9000/{number + 2}",
                f"baraza approve {100 + 3 * number}",
            ),
            model.Action(
                "not_a_question",
                command=f"baraza mark {100 + 3 * number} not-a-question",
            ),
        ),
    )
    return replace(made, **changes)


def decided(figure: model.Figure) -> model.Figure:
    """A figure that was counted from decisions."""
    return replace(figure, rows=replace(figure.rows, table="decisions"))


def decision(number: int, voice: str, **changes: Any) -> model.DecisionRow:
    made = model.DecisionRow(
        topic=topic(number),
        key=topic(number).key,
        decided_at=AS_OF - timedelta(hours=6 + 9 * number),
        mode="public",
        outcome="posted" if voice == "spoke" else "silent",
        voice=voice,
    )
    return replace(made, **changes)


def scorecard(**changes: Any) -> model.Scorecard:
    figures = (
        count("bot_decided", 52, 'voice != "waiting"'),
        share("bot_spoke", 14, 52, 'voice = "spoke"'),
        share("bot_silent", 31, 52, 'voice = "silent"'),
        count("bot_drafts", 7, "draft = yes"),
        count("bot_rated", 11, "helped is not empty"),
        share("bot_precision", 9, 11, "helped = yes"),
        share("bot_coverage", 14, 52, 'voice = "spoke"'),
        count("bot_withdrawn", 1, 'outcome = "posted, and withdrawn since"'),
    )
    made = model.Scorecard(
        figures=tuple(map(decided, figures)),
        silences=(
            model.Count("not sure enough", 19, topics(1, 4, 7)),
            model.Count("not a question", 8, topics(2, 5)),
            model.Count("a person was faster", 4, topics(3)),
        ),
        states=(
            model.Count("posted", 14, topics(0, 6)),
            model.Count("withdrawn", 1, topics(6)),
        ),
        calibration=(
            model.Bin(0.32, 0.25, 0.07, 0.59, 8),
            model.Bin(0.55, 0.6, 0.36, 0.8, 15),
            model.Bin(0.83, 0.88, 0.66, 0.97, 17, topics(0, 6)),
        ),
        mistakes=(
            model.Mistake(
                topic(4), resource("web-api", confidence=0.86), "not helpful"
            ),
            model.Mistake(
                topic(1),
                resource("imports", Kind.THREAD, confidence=0.71),
                "withdrawn by a moderator",
            ),
        ),
        decisions=(
            decision(4, "silent", why=("not sure enough", "not a question")),
            decision(3, "draft", mode="draft", outcome="a draft waits", draft=True),
            decision(1, "spoke", helped=False),
            decision(0, "spoke", helped=True),
            decision(9, "silent", topic=None, key="9"),
        ),
        ratings=(
            model.Count("liked, or reacted to well, by members", 8, topics(0, 6)),
            model.Count("removed, by moderators", 1, topics(1)),
        ),
    )
    return replace(made, **changes)


def sample_report(**changes: Any) -> model.Report:
    """A report with some entries in each section, in four languages."""
    made = model.Report(
        format=model.FORMAT,
        community="Example community",
        private=False,
        since=SINCE,
        until=AS_OF,
        as_of=AS_OF,
        topics=60,
        open_now=model.OpenNow(
            total=counted(12, "open = yes"),
            questions=tuple(open_question(number) for number in range(6)),
        ),
        repeats=model.Repeats(
            repeats=(
                model.Repeat(
                    topic(1),
                    topic(41),
                    0.87,
                    resource(
                        "imports",
                        Kind.THREAD,
                        title="Conflit 409 à l’importation",
                        url=f"{FORUM}/t/141/4",
                        confidence=None,
                        similarity=None,
                        passage="Le conflit vient des unités d’organisation fermées : "
                        "rouvrez-les avant d’importer.",
                    ),
                    ("409", "conflit", "agrégées"),
                ),
                model.Repeat(
                    topic(4),
                    topic(36),
                    0.79,
                    resource("tracker", Kind.THREAD, passage=""),
                    ("attribute", "tracked"),
                    marked=False,
                ),
            ),
            clusters=(
                model.OpenCluster(("android", "sessão"), 0.74, topics(3, 11, 19)),
            ),
        ),
        unmarked=(
            model.Unmarked(
                topic(10),
                4,
                f"{FORUM}/t/110/4",
                "helper2",
                0.91,
                "Comparta el informe desde «Compartir» y elija el grupo de usuarios.",
                ("who asked thanked for it", "three likes"),
            ),
            model.Unmarked(
                topic(14), 2, f"{FORUM}/t/114/2", "", 0.62, "", ("the last reply",)
            ),
        ),
        who_could_help=(
            model.Load("helper1", f"{FORUM}/u/helper1", 5, "HISP West Africa"),
            model.Load("helper2", f"{FORUM}/u/helper2", 3),
            model.Load("helper3", "", 1),
        ),
        gaps=model.Gaps(
            questions=48,
            gaps=(
                model.Gap(
                    "missing",
                    ("population", "validation", "rule"),
                    9,
                    6,
                    topics(7, 15, 23, 31, 39, 47, 55),
                    (resource("validation", confidence=None, similarity=0.38),),
                    (),
                ),
                model.Gap(
                    "not_found",
                    ("partager", "compartir", "share"),
                    7,
                    2,
                    topics(2, 10, 18),
                    (
                        resource("sharing", confidence=None, similarity=0.71),
                        resource(
                            "academy", Kind.COURSE, confidence=None, similarity=0.66
                        ),
                    ),
                    (
                        (resource("sharing", confidence=None), 4),
                        (resource("clip", Kind.VIDEO, confidence=None), 1),
                    ),
                ),
            ),
            searches=model.Searches(
                1_234,
                86,
                (
                    model.Sought("dhis2 hors ligne", 12, 31),
                    model.Sought("2.41 e1063 import", 5, 5),
                ),
            ),
        ),
        trends=model.Trends(
            asked=60,
            asked_before=44,
            words=(model.Rising("word", "409", 7, 1, 3.4, topics(1, 9)),),
            clusters=(
                model.Rising("cluster", "maps · layers", 6, 2, 2.1, topics(0, 8)),
            ),
            errors=(
                model.Rising(
                    "error",
                    "java.lang.NullPointerException at org.example.Analytics",
                    4,
                    0,
                    0.0,
                    topics(6),
                ),
            ),
            versions=(model.Rising("version", "2.41", 11, 3, 2.6, topics(0, 6)),),
        ),
        health=model.Health(
            overall=(*health_figures(60), by_bots(21)),
            before=(*earlier_figures(44), by_bots(16)),
            by_category=(
                category("Support", 30, 0),
                category("Ayuda", 15, 1),
                category("Development", 8, 2),
            ),
            by_language=(
                language("en", 24, 0),
                language("fr", 15, 2),
                language("es", 14, 1),
                language("pt", 7, 3),
            ),
            over_time=tuple(
                week(SINCE + timedelta(days=7 * number), 12 + 3 * number % 7, number)
                for number in range(4)
            ),
        ),
        scorecard=scorecard(),
        upkeep=model.Upkeep(
            links=(
                model.BadLink(
                    "dead",
                    "Configuring maps",
                    f"{DOCS}/old/maps.html",
                    "answers with 404 since 2024-04-02",
                    14,
                    resource(),
                    topics(0, 8),
                ),
                model.BadLink(
                    "old_version",
                    "Web API 2.36",
                    f"{DOCS}/2.36/web-api.html",
                    "of version 2.36; the newest is 2.41",
                    6,
                    None,
                    topics(4),
                ),
                model.BadLink(
                    "moved",
                    "",
                    "http://docs.example.org/sharing",
                    "leads to another page",
                    2,
                    resource("sharing"),
                    (),
                ),
            ),
            sources=(
                model.SourceHealth(
                    "forum", 10994, AS_OF - timedelta(hours=2), 2.0, "", 0, 0
                ),
                model.SourceHealth(
                    "docs",
                    170,
                    AS_OF - timedelta(days=9),
                    216.0,
                    "docs.example.org: 503 Service Unavailable",
                    3,
                    2,
                ),
                model.SourceHealth("videos", 0, None, None, "", 0, 0),
            ),
        ),
        notes=("No index is there: questions are compared by their words alone.",),
        rows=rows(),
    )
    return replace(made, **changes)


def hostile_report() -> model.Report:
    """All that people wrote is meant to deceive or to break what shows it."""
    plain = sample_report()
    report: model.Report = _hostile(plain, [0])
    # Dates are ours.
    health = replace(report.health, over_time=plain.health.over_time)
    return replace(report, health=health)


def empty_report(**changes: Any) -> model.Report:
    """Of a community where nothing ever happened."""
    nothing = model.Rows(0, "in_period = yes")
    figures = tuple(
        model.Figure(
            figure.name,
            0.0 if figure.unit == "count" else None,
            figure.unit,
            0,
            nothing,
        )
        for figure in health_figures(0)
    )
    made = model.Report(
        format=model.FORMAT,
        community="Example community",
        private=False,
        since=SINCE,
        until=AS_OF,
        as_of=AS_OF,
        topics=0,
        open_now=model.OpenNow(nothing, ()),
        repeats=model.Repeats((), ()),
        unmarked=(),
        who_could_help=(),
        gaps=model.Gaps(0, ()),
        trends=model.Trends(0, 0, (), (), (), ()),
        health=model.Health(figures, figures, (), (), ()),
        scorecard=None,
        upkeep=model.Upkeep((), ()),
        notes=(),
    )
    return replace(made, **changes)


# Our own words and codes; all other texts of a report come from somebody else.
_OURS = {
    model.Figure: {"name", "unit"},
    model.Rows: {"where", "table"},
    model.Action: {"name", "command"},
    model.Gap: {"verdict"},
    model.Rising: {"what"},
    model.BadLink: {"problem"},
}


def _hostile(record: Any, turn: list[int]) -> Any:
    """*record* with each foreign text replaced by the next hostile one."""
    if isinstance(record, tuple):
        return tuple(_hostile(each, turn) for each in record)
    if isinstance(record, str) and not isinstance(record, Kind):
        return _next(HOSTILE, turn)
    if not is_dataclass(record) or isinstance(record, type):
        return record
    ours = _OURS.get(type(record), set())
    foreign = {
        field.name: getattr(record, field.name)
        for field in fields(record)
        if field.name not in ours
    }
    return replace(
        record,
        **{
            name: _next(BAD_URLS, turn) if name == "url" else _hostile(value, turn)
            for name, value in foreign.items()
        },
    )


def _next(texts: Sequence[str], turn: list[int]) -> str:
    """One after another, and each field of a record gets all of them in time."""
    turn[0] += 1
    return texts[(turn[0] + turn[0] // len(texts)) % len(texts)]
