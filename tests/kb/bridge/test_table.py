"""Word tables: how what was learned is looked up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kb.bridge import Sense, WordTable
from kb.words import stem, words
from tests.kb.bridge.parallel import bridge, table

# A busy machine is no failure.
untimed = settings(deadline=None)
DATA, NOTE, REMARKS = Sense("data", 1.0), Sense("grade", 1.0), Sense("remarks", 0.6)
MADE = WordTable(
    "fr",
    "en",
    3,
    {"donnée": (DATA,), "note": (NOTE,), "notes": (REMARKS,), "les": ()},
    {"unité d organisation": (Sense("organisation unit", 1.0),)},
)


def test_a_word_is_looked_up_as_written_and_else_by_its_stem() -> None:
    assert MADE.senses("donnee") == MADE.senses("donnees") == (DATA,)
    assert MADE.senses("note") == (NOTE,)
    assert MADE.senses("notes") == (REMARKS,)
    # Of two with its stem the first stands for those that were never met.
    assert stem("noter", "fr") == stem("note", "fr")
    assert MADE.senses("noter") == (NOTE,)


def test_a_word_that_means_nothing_is_known_and_another_is_not() -> None:
    assert MADE.senses("les") == ()
    assert MADE.knows("les")
    assert MADE.senses("zebre") is None
    assert not MADE.knows("zebre")
    assert MADE.senses("") is None


def test_terms_are_looked_up_by_stems_in_order_and_whole() -> None:
    (sense,) = MADE.term(words("Unités d'organisation")) or ()

    assert sense.text == "organisation unit"
    assert sense.words == ("organisation", "unit")
    assert MADE.longest == 3
    assert MADE.term(words("organisation d'unité")) is None
    assert MADE.term(words("unité")) is None
    assert MADE.term([]) is None


def test_a_table_without_terms_looks_at_words_alone() -> None:
    assert WordTable("fr", "en").longest == 1
    assert WordTable("fr", "en").senses("note") is None


def test_samples_are_terms_and_words_that_mean_something_most_met_first() -> None:
    assert list(MADE.samples(2)) == [
        ("unité d organisation", (Sense("organisation unit", 1.0),)),
        ("donnée", (DATA,)),
        ("note", (NOTE,)),
    ]
    assert list(MADE.samples(0)) == []
    assert "les" not in dict(MADE.samples(99))


@untimed
@given(st.sampled_from(sorted(bridge().tables)), st.data())
def test_all_that_was_learned_is_found_by_what_it_is_written_as(
    languages: tuple[str, str], data: st.DataObject
) -> None:
    learned = table(*languages)
    word = data.draw(st.sampled_from(sorted(learned.words)))
    term = data.draw(st.sampled_from(sorted(learned.terms)))

    (asked,) = words(word.upper())
    assert learned.senses(asked) == learned.words[word]
    assert learned.term(words(term.upper())) == learned.terms[term]
