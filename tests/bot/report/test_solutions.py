"""Which reply looks like the solution, and which questions should be marked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.reading import StoreTexts, read_past
from bot.report.records import Post, Reply, Thread, Voice
from bot.report.solutions import LEAST, Guess, likely_solution, unmarked
from kb.store import Store
from kb.types import Document, DocumentId, Format, Part
from tests.bot.report.world import ASKS, DAY, HOUR, START, TELLS, WEEK, keep
from tests.bot.report.world import post as part
from tests.bot.report.world import thread as topic

VOICES: dict[str, Voice] = {"ann": "asker", "robot": "bot"}
OTHER = "<p>You may look at the log of the server, where it says what went on.</p>"
WORKED = "<p>Thank you, that worked!</p>"
Said = tuple[str, str] | tuple[str, str, dict[str, Any]]


def talk(*said: Said, key: str = "7") -> tuple[Thread, dict[int, Post]]:
    """A thread that Ann began; her name and that of Robot tell who they are."""
    replies = []
    posts = {1: Post(1, ASKS, "html")}
    for number, (name, body, *more) in enumerate(said, start=2):
        values: dict[str, Any] = {
            "number": number,
            "member": name,
            "name": name,
            "voice": VOICES.get(name, "person"),
            "at": START + number * HOUR,
        }
        replies.append(Reply(**values | (more[0] if more else {})))
        posts[number] = Post(number, body, "html")
    made = Thread(
        id=DocumentId(1),
        source="forum",
        key=key,
        url="https://forum.example.org/t/7",
        title="How do I restore a backup?",
        created_at=START,
        asker="ann",
        asker_name="ann",
        replies=tuple(replies),
    )
    return made, posts


def named(*said: Said, least: float = LEAST) -> int | None:
    guess = likely_solution(*talk(*said), least=least)
    return None if guess is None else guess.number


# -- what who asked says -----------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "Thank you, that worked!",
        "Perfect, it works now.",
        "Brilliant, that was it.",
        "Thx a lot, problem solved :)",
        "You were right, the path was the problem. Cheers!",
        "Merci beaucoup, ça marche !",
        "Parfait, c’est résolu, merci.",
        "Super, merci, c’était bien ça",
        "¡Muchas gracias, ya funciona!",
        "Perfecto, solucionado. Gracias",
        "Gracias, tenías razón.",
        "Muito obrigada, funcionou!",
        "Valeu, resolvido.",
        "Obrigado, era isso!",
    ],
)
def test_the_reply_before_the_thanks_is_the_solution(words: str) -> None:
    said = (("ben", OTHER), ("eve", TELLS), ("ann", f"<p>{words}</p>"))

    assert named(*said) == 3
    assert named(*said, ("ben", OTHER)) == 3


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Where is that log?",
        "It doesn’t seem to work.",
        "That did not work, I still get the same error.",
        "Any help is welcome, thank you very much in advance.",
        "Ça ne marche toujours pas.",
        "Malheureusement, j’ai la même erreur. Merci d’avance",
        "No funciona, sigue el mismo error.",
        "Lamentablemente no me funciona. Gracias de antemano.",
        "Infelizmente não funcionou, continua o mesmo erro.",
        "Não deu certo ainda.",
    ],
)
def test_who_is_not_helped_praises_nobody(words: str) -> None:
    assert named(("ben", OTHER), ("eve", TELLS), ("ann", f"<p>{words}</p>")) is None


@pytest.mark.parametrize(
    "words",
    [
        "Never mind, I found it: the disk was full.",
        "I figured it out, the problem was a wrong port.",
        "Solved it myself. For others: restart the server.",
        "J’ai trouvé : le problème venait du port.",
        "Ya lo solucioné, el problema era el puerto.",
        "Já descobri, o problema era a porta.",
    ],
)
def test_who_asked_may_have_found_it_alone(words: str) -> None:
    helped = ("ben", "<p>Which version?</p>")
    found = ("ann", f"<p>{words}</p><pre><code>port: 8080</code></pre>")

    assert named(helped, found) == 3
    # Nobody else answered, so it is no case of an answer that lacks its mark.
    assert named(found) is None


# -- whom it is said to ------------------------------------------------------------

QUOTE = (
    '<aside class="quote no-group" data-username="ben" data-post="2" data-topic="{}">'
    "<blockquote>You may look at the log</blockquote></aside>"
)


@pytest.mark.parametrize(
    ("thanks", "more", "right"),
    [
        (WORKED, {}, 3),
        (WORKED, {"reply_to": 2}, 2),
        (WORKED, {"reply_to": 1}, 3),
        (WORKED, {"reply_to": 99}, 3),
        (QUOTE.format(7) + WORKED, {}, 2),
        (QUOTE.format(8) + WORKED, {}, 3),
        (QUOTE.format(7) + WORKED, {"reply_to": 3}, 3),
        ('<p><a class="mention">@Ben</a> thank you, that worked!</p>', {}, 2),
        ("<p>Thank you @bén, that worked!</p>", {}, 2),
        ("<p>Thank you @nobody, that worked!</p>", {}, 3),
    ],
)
def test_thanks_are_for_whom_they_answer_quote_or_name(
    thanks: str, more: dict[str, Any], right: int
) -> None:
    assert named(("ben", TELLS), ("eve", TELLS), ("ann", thanks, more)) == right


def test_what_is_quoted_was_not_said_by_who_quotes_it() -> None:
    quoted = f'<aside class="quote" data-post="2">{WORKED}</aside><p>Where is that?</p>'

    assert named(("ben", TELLS), ("ann", quoted)) is None


def test_thanks_for_a_program_are_for_nobody_else() -> None:
    assert named(("ben", OTHER), ("ann", WORKED)) == 2
    assert named(("ben", OTHER), ("robot", TELLS), ("ann", WORKED)) is None


def test_thanks_of_others_do_not_count() -> None:
    assert named(("ben", OTHER), ("eve", WORKED)) is None


def test_what_others_like_counts() -> None:
    liked = ("eve", f"{TELLS}<pre>pg_restore</pre>", {"likes": 5})

    guess = likely_solution(*talk(("ben", OTHER), liked))

    assert guess is not None
    assert guess.number == 3
    assert guess.why == ("5 likes", "it says 26 words of its own", "it shows code")


def test_a_mark_is_not_looked_at() -> None:
    thread, posts = talk(("ben", TELLS), ("eve", TELLS), ("ann", WORKED))
    first, *others = thread.replies
    marked = replace(
        thread, solved=True, replies=(replace(first, accepted=True), *others)
    )

    assert likely_solution(marked, posts) == likely_solution(thread, posts)


# -- what is there -----------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        (),
        (("ann", WORKED),),
        (("robot", TELLS), ("ann", WORKED)),
        (("ben", ""), ("ann", "")),
        (("ben", "<p>🙈</p>"),),
    ],
)
def test_nothing_is_named_where_nothing_tells_it(said: tuple[Said, ...]) -> None:
    assert named(*said) is None


def test_a_reply_whose_text_is_not_there_is_not_named() -> None:
    thread, posts = talk(("ben", TELLS), ("eve", TELLS), ("ann", WORKED))
    del posts[3]

    guess = likely_solution(thread, posts)

    assert guess is not None
    assert guess.number == 2
    assert likely_solution(thread, {}) is None


@pytest.mark.parametrize(
    ("format", "body"),
    [
        ("html", "<p>Thank you, that worked!</p><pre>it doesn’t work</pre>"),
        ("markdown", "> It does not work\n\nThank you, that **worked**!"),
        ("text", "Thank you <all>, that worked!"),
    ],
)
def test_texts_of_each_format_are_read(format: Format, body: str) -> None:
    thread, posts = talk(("ben", TELLS), ("ann", ""))
    posts[3] = Post(3, body, format)

    guess = likely_solution(thread, posts)

    assert guess is not None
    assert guess.why[:2] == ("who asked thanks for it", "who asked says that it works")


def test_markup_that_would_cost_minutes_is_not_read() -> None:
    assert named(("ben", TELLS), ("ann", "<div>" * 20_000 + WORKED)) is None
    assert (
        named(("ben", "<b>" * 20_000), ("ann", '<aside class="quote ' * 5_000)) is None
    )


SAID = st.tuples(
    st.sampled_from(["ann", "ben", "eve", "robot"]),
    st.sampled_from(
        [TELLS, OTHER, WORKED, "", "<p>Why?</p>", "<pre>x</pre>", "<p>I found it.</p>"]
    ),
    st.fixed_dictionaries(
        {"likes": st.integers(0, 50), "reply_to": st.none() | st.integers(1, 8)}
    ),
)


@given(st.lists(SAID, max_size=7), st.floats(0, 1), st.randoms())
def test_a_guess_keeps_its_promises(
    said: list[Said], least: float, random: Any
) -> None:
    thread, posts = talk(*said)
    mixed = list(thread.replies)
    random.shuffle(mixed)

    guess = likely_solution(thread, posts, least=least)
    surest = likely_solution(thread, posts, least=0)

    assert likely_solution(
        replace(thread, replies=tuple(mixed)), posts, least=least
    ) == (guess)
    assert (surest is None) == (not thread.by_people)
    assert guess == (surest if surest and surest.sure >= least else None)
    if surest is not None:
        assert 0 <= surest.sure <= 1
        [reply] = [each for each in thread.replies if each.number == surest.number]
        assert reply.voice != "bot"
        assert surest.why or surest.sure < LEAST


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_stops_it(asked: str, told: str) -> None:
    guess = likely_solution(*talk(("ben", told), ("ann", asked)), least=0)

    assert isinstance(guess, Guess)


# -- the section -------------------------------------------------------------------


def solved_talk(key: int, *, thanks: str = WORKED, **more: Any) -> Document:
    """A topic where Ben's reply is thanked for."""
    at = more.get("at", START)
    posts: tuple[Part, ...] = (
        part(1, "ann", ASKS, at=at),
        part(2, "ben", TELLS, at=at),
        part(3, "ann", thanks, at=at),
    )
    return topic(key, *posts, **more)


def told(store: Store, *documents: Document, **options: Any) -> list[tuple[str, int]]:
    if documents:
        keep(store, documents)
    past = read_past(store, ["forum"], WEEK, bots=["robot"])
    texts = StoreTexts(store, WEEK.until, visible_to=frozenset({"public"}))
    return [(m.topic.key, m.number) for m in unmarked(past, texts, **options)]


def test_an_empty_store_has_nothing_to_mark(store: Store) -> None:
    assert told(store) == []


def test_a_question_is_told_with_its_reply(store: Store) -> None:
    keep(store, [solved_talk(7, category="Help", language="en")])
    past = read_past(store, ["forum"], WEEK)
    texts = StoreTexts(store, WEEK.until, visible_to=None)

    [found] = unmarked(past, texts)

    assert (found.topic.key, found.topic.category) == ("7", "Help")
    assert found.url == "https://forum.example.org/t/7/2"
    assert (found.number, found.author) == (2, "ben")
    assert found.excerpt.startswith("Stop the server first, then restore the dump")
    assert found.why == (
        "who asked thanks for it",
        "who asked says that it works",
        "it says 26 words of its own",
    )
    assert LEAST <= found.sure < 1


def test_only_open_questions_of_people_with_a_reply_are_told(store: Store) -> None:
    accepted = part(2, "ben", TELLS, accepted=True)
    asked, thanked = part(1, "ann", ASKS), part(3, "ann", WORKED)
    hello = "<p>Hello, my name is Ann and I work for a ministry.</p>"

    assert told(
        store,
        solved_talk(1, solved=True),
        topic(2, asked, accepted, thanked),
        topic(3, part(1, "robot", ASKS), part(2, "ben"), part(3, "robot", WORKED)),
        topic(4, asked, part(2, "robot"), thanked),
        topic(5, asked, part(2, "ann", "<p>I found it.</p>")),
        topic(6, asked),
        solved_talk(7, at=START - DAY),
        topic(
            8,
            part(1, "ann", hello),
            part(2, "ben"),
            thanked,
            title="Introducing myself",
        ),
        solved_talk(9, visibility="restricted"),
        solved_talk(10, closed=True),
    ) == [("10", 2)]


def test_the_surest_comes_first_then_the_newest_then_the_higher_id(
    store: Store,
) -> None:
    thanks = "<p>Thanks for the explanation.</p>"
    documents = [
        solved_talk(1, at=START + HOUR),
        solved_talk(2, thanks=thanks, at=START + DAY),
        solved_talk(3, at=START + 2 * HOUR),
        solved_talk(4, at=START + 2 * HOUR),
    ]

    assert told(store, *documents) == [("4", 2), ("3", 2), ("1", 2), ("2", 2)]
    assert told(store, limit=2) == [("4", 2), ("3", 2)]
    assert told(store, limit=0) == []
    assert told(store, newest=2) == [("4", 2), ("2", 2)]
    assert told(store, least=1.0) == []


def test_what_is_told_is_one_line_of_plain_text(store: Store) -> None:
    hostile = (
        "<p>Stop <b>it</b> | \u202egnp.exe\u202c</p><p>&lt;script&gt;alert(1)</p>"
        f"<aside class='quote'><blockquote>quoted</blockquote></aside>{TELLS * 9}"
    )
    keep(
        store,
        [
            topic(
                7,
                part(1, "ann", ASKS),
                part(2, "ben", hostile),
                part(3, "ann", WORKED),
                title="<img src=x> | \u202e🙈",
            )
        ],
    )
    past = read_past(store, ["forum"], WEEK)

    [found] = unmarked(past, StoreTexts(store, WEEK.until, visible_to=None))

    assert found.excerpt.startswith(
        "Stop it | gnp.exe <script>alert(1) Stop the server"
    )
    assert found.excerpt.endswith("…")
    assert len(found.excerpt) <= 401
    assert "\n" not in found.excerpt


def test_each_thread_is_counted_as_it_is_looked_at(store: Store) -> None:
    counts: list[int] = []

    told(store, *(solved_talk(key) for key in range(1, 4)), progress=counts.append)

    assert sum(counts) == 3
