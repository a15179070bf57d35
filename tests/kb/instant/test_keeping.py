"""What is searched in memory, kept in step with a store that goes on."""

from __future__ import annotations

from kb.embed import HashingEmbedder
from kb.instant.records import Why
from kb.store import Store
from kb.types import Kind
from tests.kb.instant.world import STAFF, Box, document, put
from tests.kb.linked import RULES, docs, link, thread
from tests.kb.linked import put as put_linked
from tests.kb.stored import delete

TRACKER = "The tracker capture app loses events when the tablet is offline."


def test_what_is_stored_later_is_found_without_a_new_index(
    store: Store, box: Box
) -> None:
    put(store, document("first", TRACKER))
    first = box.index()

    put(store, document("second", "Tracker events come back after a restart."))
    second = box.refresh()

    assert set(box.keys("tracker events")) == {"first", "second"}
    assert (first.passages, second.passages, second.lag) == (1, 2, 1)
    # The one before is as it was: searches may be at work in it.
    assert [len(shelf.ids) for shelf in first.shelves.values()] == [1, 0, 0, 0]


def test_an_edit_takes_the_place_of_what_it_changed(store: Store, box: Box) -> None:
    old = put(store, document("topic", "Okavango is flooded."))
    box.index()
    put(store, document("topic", "Limpopo is flooded."), over=old)
    box.refresh()

    assert box.keys("limpopo") == ["topic"]
    assert box.search('"okavango"').total == 0


def test_an_edit_of_what_came_later_does_too(store: Store, box: Box) -> None:
    put(store, document("other", TRACKER))
    box.index()
    new = put(store, document("topic", "Okavango is flooded."))
    box.refresh()
    put(store, document("topic", "Limpopo is flooded."), over=new)
    box.refresh()

    assert box.keys('"limpopo"') == ["topic"]
    assert box.search('"okavango"').total == 0


def test_what_was_deleted_is_in_no_later_snapshot(store: Store, box: Box) -> None:
    base = put(store, document("base", TRACKER))
    box.index()
    tail = put(store, document("tail", TRACKER))
    assert box.refresh().passages == 2

    delete(store, base, tail)
    gone = box.refresh()

    assert gone.passages == 0
    assert [len(shelf.ids) for shelf in gone.shelves.values()] == [0, 0, 0, 0]
    assert box.search("tracker events").total == 0


def test_more_than_is_held_waits_for_the_index(store: Store, box: Box) -> None:
    put(store, document("first", TRACKER))
    box.max_tail = 3
    box.index()
    for number in range(5):
        put(store, document(f"later-{number}", f"Tracker of district {number}."))

    snapshot = box.refresh()

    assert (snapshot.passages, snapshot.waiting) == (4, 2)
    # Those that were held are found as ever, and there is still no room.
    assert (box.refresh().passages, box.refresh().waiting) == (4, 2)
    assert box.index().passages == 6


def test_room_that_is_made_is_used(store: Store, box: Box) -> None:
    put(store, document("first", TRACKER))
    box.max_tail = 1
    box.index()
    held = put(store, document("held", "Tracker of the north."))
    box.refresh()
    put(store, document("waits", "Tracker of the south."))
    assert (box.refresh().waiting, box.keys('"of the south"')) == (1, [])

    delete(store, held)

    assert box.refresh().waiting == 0
    assert box.keys('"of the south"') == ["waits"]


def test_each_new_text_is_embedded_once(store: Store, box: Box) -> None:
    class Counting(HashingEmbedder):
        embedded = 0

        def embed_passages(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
            self.embedded += len(texts)
            return super().embed_passages(texts, progress=progress)

    box.embedder = counting = Counting(256)
    put(store, document("first", TRACKER))
    box.index()
    before = counting.embedded
    put(store, document("second", TRACKER))
    for _ in range(3):
        box.refresh()

    assert counting.embedded - before == 1


def test_what_became_private_is_seen_so(store: Store, box: Box) -> None:
    moved = put(store, document("moved", TRACKER))
    put(store, document("stays", TRACKER))
    box.index()
    put(store, document("moved", TRACKER, visibility=STAFF), over=moved)
    box.refresh()

    assert box.keys("tracker events") == ["stays"]
    assert set(box.keys("tracker events", visible_to=None)) == {"moved", "stays"}


def test_a_new_text_among_many_old_ones_is_no_worse_for_being_new(
    store: Store, box: Box
) -> None:
    for number in range(60):
        put(store, document(f"old-{number}", f"Tracker of district {number}."))
    box.index()
    put(store, document("new", "The zanzibar setting of the tracker."))
    box.refresh()

    assert box.keys("zanzibar setting tracker")[0] == "new"
    assert "new" in box.keys("tracker", k=50) or box.search("tracker").total > 50


def test_an_empty_store_is_searched_in_vain(store: Store, box: Box) -> None:
    put(store, document("unlisted", TRACKER, listed=False))
    snapshot = box.index()

    assert snapshot.passages == 0
    assert box.search("tracker").total == 0
    assert box.search("kind:thread").total == 0


def test_all_kinds_have_a_shelf(store: Store, box: Box) -> None:
    for kind in Kind:
        put(store, document(kind.value, TRACKER, kind=kind))

    assert sorted(box.keys("tracker events")) == sorted(kind.value for kind in Kind)
    assert box.keys("tracker kind:video,course -kind:course") == ["video"]


def test_what_is_newest_comes_first_and_the_rest_in_turns(
    store: Store, box: Box
) -> None:
    put(store, document("first", TRACKER))
    box.index()
    for number in range(300):
        put(store, document(f"later-{number}", f"Tracker of district {number}."))

    once = box.refresh()

    assert box.keeper is not None
    assert box.keeper.is_pending
    assert box.keys('"district 299"') == ["later-299"]
    assert once.passages + once.waiting == 301
    assert [box.refresh() for _ in range(3)][-1].passages == 301


def test_links_of_what_left_count_no_more(store: Store, box: Box) -> None:
    with store.transaction():
        store.links.use(RULES)
    page = put_linked(store, docs("setup", "Set up the server."))
    url = store.documents.summaries([page])[page].url
    asked = [thread(number, "How?", "Look.") for number in range(1, 6)]
    threads = [put_linked(store, each, link(each, 2, url)) for each in asked]
    box.index()
    (before,) = box.search("set up the server kind:docs").hits

    delete(store, *threads)
    box.refresh()
    (after,) = box.search("set up the server kind:docs").hits

    assert Why.LINKED in before.why
    assert Why.LINKED not in after.why
