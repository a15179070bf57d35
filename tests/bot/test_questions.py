"""What is a question, and what only tells something."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.questions import not_a_question
from bot.sandbox.load import SAMPLE
from bot.topic import TopicView
from tests.bot.making import topic
from tests.conftest import shared_path


def of(title: str, text: str = "", **changes: Any) -> TopicView:
    return topic(title=title, opening=f"<p>{text}</p>" if text else "", **changes)


QUESTIONS = [
    ("Backup every night", "How do you do that?"),
    ("Dashboard does not load", "Since yesterday all is white."),
    ("Error 409 on import", "See above."),
    ("Tracker capture is slow", "We have 40,000 cases."),
    ("New version", "After the release the login fails with an exception."),
    ("Webinar recordings", "Where can I find those of last year?"),
    ("Hello everyone", "I am new here and cannot log in. Please help."),
    ("Release 2.41 breaks our app", "The console is full of exceptions."),
    ("Importer des données", "Bonjour, l’import ne fonctionne plus depuis lundi."),
    ("Tableau de bord", "Comment partager un tableau de bord avec un groupe ?"),
    ("Tablero", "No puedo abrir el tablero, sale una página en blanco."),
    ("Copia de seguridad", "¿Alguien sabe cómo hacerla cada noche?"),
    ("Painel", "O painel não abre desde ontem."),
    ("Cópia de segurança", "Alguém sabe como fazer isto todas as noites?"),
    ("Organisation unit levels", "Four levels in the country, five in the south."),
]
NOTICES = [
    ("DHIS2 2.41 is now available", "We are pleased to announce the new release."),
    ("[Announcement] Server maintenance", "On Sunday. Any questions? Write to us."),
    ("Webinar: tracker at scale", "Join us on Friday. Register here."),
    ("Job opening: implementation officer", "Please apply by Friday. How? By mail."),
    ("Call for papers: annual conference", "We would like to invite abstracts."),
    ("Hello everyone", "My name is Amina and I live in Mwanza. Glad to be here."),
    ("Introduction", "Let me introduce myself: Ben, analyst."),
    ("Nouvelle version disponible", "Nous avons le plaisir de la présenter."),
    ("Offre d’emploi", "Un poste à Lomé. Date limite : vendredi."),
    ("Taller de tracker", "Los invitamos a todos. Inscríbase."),
    ("Inscrições abertas", "Convidamos todos para a oficina."),
    ("About the Support category", "Questions about problems? Ask them here."),
    ("À propos de la catégorie Aide", "Posez vos questions ici. Un problème ?"),
]


@pytest.mark.parametrize(("title", "text"), QUESTIONS)
def test_a_question_of_a_member_is_heard(title: str, text: str) -> None:
    assert not_a_question(of(title, text)) == ""


@pytest.mark.parametrize(("title", "text"), NOTICES)
def test_who_only_tells_something_is_left_alone(title: str, text: str) -> None:
    assert not_a_question(of(title, text))


@pytest.mark.parametrize(
    ("title", "text", "reason"),
    [
        ("Tracker guidelines", "Read them.", "the staff wrote it, and it asks nothing"),
        ("Welcome", "Any questions? Ask here.", "it is an announcement by the staff"),
        (
            "Rules of this forum",
            "Questions? Write to us.",
            "the staff wrote it, and it",
        ),
        ("Why does the export fail?", "It says 409.", ""),
        ("Export", "I am trying to export, it fails. Any idea?", ""),
    ],
)
def test_the_staff_is_answered_only_when_it_asks(
    title: str, text: str, reason: str
) -> None:
    found = not_a_question(of(title, text, author_staff=True))

    assert found.startswith(reason)
    assert bool(found) == bool(reason)


def test_what_is_pinned_is_a_notice() -> None:
    pinned = of("How to ask a question?", "How do I ask?", pinned=True)

    assert not_a_question(pinned) == "it is pinned, as notices are"


def test_a_poll_asks_nothing_that_could_be_answered() -> None:
    poll = '<p>Vote.</p><div class="poll"><p>Which version do you use?</p></div>'
    asked = poll + "<p>The poll on our site does not load, what can I do?</p>"

    assert not_a_question(topic(title="Versions", opening=poll)) == "it is a poll"
    assert not_a_question(topic(title="Versions", opening=asked)) == ""


def test_a_log_alone_is_a_question() -> None:
    log = "<pre><code>java.lang.NullPointerException</code></pre>"

    assert not_a_question(topic(title="Tomcat", opening=log)) == ""


@pytest.mark.parametrize("opening", ["", "<p>🎉</p>", "<p> </p><hr>", '<img src="/x">'])
def test_a_title_of_255_emojis_and_no_text_ask_nothing(opening: str) -> None:
    emojis = topic(title="😀" * 255, opening=opening)

    assert not_a_question(emojis) == "neither its title nor its text holds a word"


@given(st.text(max_size=255), st.text(max_size=500), st.booleans())
def test_any_text_is_judged(title: str, text: str, staff: bool) -> None:
    assert isinstance(not_a_question(of(title, text, author_staff=staff)), str)


# -- measured ------------------------------------------------------------------


def test_all_questions_of_the_sample_community_are_heard() -> None:
    data = yaml.safe_load((SAMPLE / "new_questions.yaml").read_text("utf-8"))
    asked = [each for part in data.values() for each in part]
    render = MarkdownIt().render

    held = {
        each["title"]: why
        for each in asked
        if (why := not_a_question(of(each["title"], render(each["raw"]))))
    }

    assert len(asked) > 40
    assert held == {}


def test_of_the_threads_of_the_sample_community_the_notices_are_held_back() -> None:
    staff = {"sigrun_h", "wanjiru_m"}
    threads = [
        each
        for path in sorted((SAMPLE / "threads").glob("*.yaml"))
        for each in yaml.safe_load(path.read_text("utf-8"))
    ]
    render = MarkdownIt().render

    held = [
        each["title"]
        for each in threads
        if not_a_question(
            topic(
                title=each["title"],
                opening=render(each["posts"][0].get("raw", "")),
                author_staff=each["user"] in staff,
                pinned=bool(each.get("pinned")),
            )
        )
    ]

    assert len(threads) > 60
    assert held == [
        "Introduce yourself!",
        "Version 2.40.1 is available",
        "Spam wave from hosting accounts",
        "Version 2.41 is available",
        "Draft: frequently asked questions about passwords and lockout",
        "About your account",
        "Sandbox for trying the editor",
        "Complaint about a consultant",
    ]


def test_what_members_answered_with_links_counts_as_asked() -> None:
    """On a real community: nearly all of what was answered with links is a question,
    and of the rest few are taken for none."""
    with gzip.open(shared_path("bench/slicer/dev_labels.jsonl.gz"), "rt") as lines:
        linked = {json.loads(line)["topic_id"] for line in lines}
    asked: list[TopicView] = []
    rest: list[TopicView] = []
    with gzip.open(shared_path("bench/slicer/dev_topics.jsonl.gz"), "rt") as lines:
        for number, line in enumerate(lines):
            # A sample; all of them give the same shares.
            if number % 4:
                continue
            row = json.loads(line)
            first = row["posts"][0]
            if first["post_number"] == 1:
                view = topic(row["id"], title=row["title"], opening=first["cooked"])
                (asked if row["id"] in linked else rest).append(view)

    heard = sum(not not_a_question(view) for view in asked) / len(asked)
    told = sum(bool(not_a_question(view)) for view in rest) / len(rest)
    as_staff = [replace(view, author_staff=True) for view in asked]
    heard_of_staff = sum(not not_a_question(view) for view in as_staff) / len(asked)

    assert len(asked) > 400
    assert heard >= 0.99
    assert 0.002 <= told <= 0.02
    assert heard_of_staff >= 0.85
