"""Questions in four languages, asked on the sample forum and answered there.

The packaged model, the shipped table and the shipped weights, over real sockets: what
an operator has on the first day. What is asked stands in ``new_questions.yaml``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bot.app import App
from bot.config import parse_config
from bot.responder import Responder
from bot.sandbox import Sandbox
from bot.sandbox.load import SAMPLE
from kb.store import Decision
from kb.types import TopicId
from tests.bot.conftest import BOT

# The first test waits until the model is converted, and all passages are embedded.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KEY = "BARAZA_TEST_FOUR_LANGUAGES_KEY"
ABOUT = {
    "en": "I am a bot of Sample.",
    "fr": "Je suis un robot de Sample.",
    "es": "Soy un bot de Sample.",
    "pt": "Sou um robô de Sample.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    title: str
    raw: str
    language: str = ""
    relevant: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a question.

    Attributes:
        post: What stands on the forum; empty for a silence.
        links: Topic ids, and pages without their version, in order.
        alone: The links of a bot without the bridge, which posts nothing.
    """

    decision: Decision
    post: str
    links: tuple[str, ...]
    alone: tuple[str, ...]


def written(part: str, language: str, *, answered: bool = True) -> list[Asked]:
    """The sample's questions of a part, in one language."""
    data = yaml.safe_load((SAMPLE / "new_questions.yaml").read_text("utf-8"))
    return [
        Asked(q["title"], q["raw"], q["language"], tuple(map(str, q["relevant"])))
        for q in data[part]
        if q["language"] == language and bool(q["relevant"]) == answered
    ]


@dataclass(frozen=True, slots=True)
class Stage:
    """The forum, and two bots that watch it: one answers, one has no bridge and only
    decides."""

    box: Sandbox
    bot: Responder
    without: Responder

    def ask(self, questions: Sequence[Asked]) -> list[Said]:
        ids = [self._post(question) for question in questions]
        here, there = (
            {d.topic_id: d for d in each.watch().decisions}
            for each in (self.bot, self.without)
        )
        return [self._said(here[topic], there[topic]) for topic in ids]

    def _post(self, question: Asked) -> TopicId:
        headers = {"Api-Key": self.box.admin_key, "Api-Username": "linh_ng"}
        answer = httpx.post(
            f"{self.box.url}/posts.json",
            headers=headers,
            json={"title": question.title, "raw": question.raw, "category": 5},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return TopicId(answer.json()["topic_id"])

    def _said(self, decision: Decision, alone: Decision) -> Said:
        url = f"{self.box.url}/t/{decision.topic_id}.json?include_raw=1"
        data = httpx.get(url, trust_env=False).json()
        posts = [
            post["raw"]
            for post in data["post_stream"]["posts"]
            if post["username"] == BOT
        ]
        assert len(posts) == (decision.state == "posted")
        return Said(decision, "".join(posts), links(decision), spoken(alone))


def links(decision: Decision) -> tuple[str, ...]:
    return tuple(
        "/".join(key.split("/")[2:]).removesuffix(".html") if "/" in key else key
        for key in (str(link["key"]) for link in decision.suggestions)
    )


def spoken(decision: Decision) -> tuple[str, ...]:
    return () if decision.is_silent else links(decision)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("four")
    with ExitStack() as stack:
        box = stack.enter_context(Sandbox())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv(KEY, box.key_for(BOT))
        app = installed(folder, box, mode="public", bridge="shipped")
        for source in app.sources.names():
            assert app.harvest(source).complete
        app.index()
        # What was decided is kept beside what was harvested: each has its own copy.
        shutil.copytree(folder, folder.with_name("without"), dirs_exist_ok=True)
        without = installed(
            folder.with_name("without"), box, mode="shadow", bridge="off"
        )
        stage = Stage(
            box,
            stack.enter_context(app.responder()),
            stack.enter_context(without.responder()),
        )
        stage.ask([])  # They note where they start: old topics are never answered.
        yield stage


def installed(folder: Path, box: Sandbox, *, mode: str, bridge: str) -> App:
    fast = {"requests_per_second": 1000}
    rules = [{"pattern": r"/(?P<version>\d[^/]*)/(?P<language>[a-z]{2})/"}]
    data: dict[str, Any] = {
        "community": {
            "name": "Sample",
            "contact": "you@localhost",
            "languages": ["en", "fr", "es", "pt"],
        },
        "sources": {
            "forum": {
                "type": "forum",
                "url": box.url,
                "ignore_authors": [BOT, "system", "discobot"],
                **fast,
            },
            "docs": {"type": "website", "url": box.docs_url, "rules": rules, **fast},
        },
        "search": {"bridge": bridge},
        "bot": {
            "mode": mode,
            "grace": "0s",
            "forum": "forum",
            "username": BOT,
            "api_key_env": KEY,
            "max_replies_per_hour": 100,
            "max_replies_per_day": 100,
            "max_replies_per_author": 100,
            "max_topics_per_author": 100,
        },
    }
    return App(parse_config(data, folder=folder))


# -- what is written in another language ----------------------------------------


@pytest.mark.parametrize("language", ["fr", "es", "pt"])
def test_what_is_known_in_another_language_alone_is_found_by_the_bridge(
    stage: Stage, language: str
) -> None:
    """Each is answered in the asker's language, and is told which language it leads
    to; without the bridge nothing that helps is found first."""
    questions = written("across", language)
    assert len(questions) >= 4

    said = stage.ask(questions)

    helped = [
        question.title
        for question, each in zip(questions, said, strict=True)
        if each.links and each.links[0] in question.relevant
    ]
    assert len(helped) >= len(questions) - 1, helped
    for question, each in zip(questions, said, strict=True):
        assert each.decision.state == "posted"
        assert ABOUT[language] in each.post
        assert set(each.links) & set(question.relevant), question.title
    alone = [
        question.title
        for question, each in zip(questions, said, strict=True)
        if each.alone and each.alone[0] in question.relevant
    ]
    # Spanish and Portuguese have words in common.
    assert len(alone) <= 1, alone


def test_the_reply_says_that_all_it_leads_to_is_in_another_language(
    stage: Stage,
) -> None:
    question = Asked(
        "Un indicateur vide, et nous voulons un zéro",
        "Une case du tableau croisé dynamique est vide. Comment faire afficher zéro à"
        " notre indicateur quand une valeur manque au numérateur ?",
    )

    [said] = stage.ask([question])

    opening, _quote, first, second = said.post.split("\n\n")[:4]
    assert opening == (
        "Ces pages répondent peut-être déjà à votre question, mais elles sont toutes en"
        " anglais\N{NO-BREAK SPACE}:"
    )
    assert "/t/116/2) · discussion en anglais · résolue ✓" in first
    assert "indicators.html#empty-and-zero) · documentation en anglais" in second
    assert said.alone == ()


def test_an_english_question_is_led_to_what_only_others_wrote(stage: Stage) -> None:
    questions = written("across", "en")

    said = stage.ask(questions)

    assert [each.links[0] for each in said] == ["170", "171"]
    assert [ABOUT["en"] in each.post for each in said] == [True, True]
    assert "· thread in French · solved ✓" in said[0].post
    assert "· thread in Portuguese · solved ✓" in said[1].post
    assert [each.alone for each in said] == [(), ()]


# -- what is written in the asker's language ------------------------------------


@pytest.mark.parametrize("language", ["fr", "es", "pt"])
def test_a_page_in_the_language_of_the_asker_is_linked_and_not_its_original(
    stage: Stage, language: str
) -> None:
    [question] = written("own", language)

    [said] = stage.ask([question])

    assert said.decision.state == "posted"
    assert ABOUT[language] in said.post
    [page] = question.relevant
    pages = [link for link in said.links if "/" in link]
    assert page in pages
    assert [link for link in pages if link.endswith(page[2:])] == [page]


@pytest.mark.parametrize("language", ["fr", "es", "pt"])
def test_what_nothing_answers_is_met_with_silence_in_each_language(
    stage: Stage, language: str
) -> None:
    questions = written("golden", language, answered=False)
    assert questions

    said = stage.ask(questions)

    assert [(each.decision.state, each.post) for each in said] == [
        ("decided", "") for _ in questions
    ]


# -- what people write in a hurry ---------------------------------------------------


def test_logs_capitals_and_missing_accents_do_not_change_the_language_of_the_answer(
    stage: Stage,
) -> None:
    """A French text with an English log, shouted Spanish, and French without accents
    or spaces."""
    questions = [q for each in ("fr", "es") for q in written("hurried", each)]
    assert len(questions) == 3

    for question, said in zip(questions, stage.ask(questions), strict=True):
        assert ABOUT[question.language] in said.post, question.title
        assert said.links[0] in question.relevant, question.title


def test_other_languages_are_answered_in_the_first_of_the_community_or_not_at_all(
    stage: Stage,
) -> None:
    """There are no words of ours in Arabic or German, and nobody translated them."""
    arabic = Asked(
        "كيف أقوم بعمل نسخة احتياطية لقاعدة البيانات؟",
        "مرحبا، أريد نسخ قاعدة البيانات كل ليلة تلقائيا على خادم آخر.",
    )
    german = Asked(
        "Wie sichere ich die Datenbank jede Nacht?",
        "Ich möchte unsere PostgreSQL-Datenbank jede Nacht automatisch mit pg_dump"
        " sichern und alte Sicherungen löschen. Hat jemand ein Beispiel für cron?",
    )

    of_arabic, of_german = stage.ask([arabic, german])

    assert (of_arabic.decision.state, of_arabic.post) == ("decided", "")
    # The names of programs are the same everywhere.
    assert of_german.links[0] in {"103", "111", "fr/manage/backup", "en/manage/backup"}
    assert ABOUT["en"] in of_german.post
