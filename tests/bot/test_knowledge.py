"""The knowledge base behind the endpoint: live, over a store that others write to."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app import App
from bot.config import parse_config
from bot.knowledge import Knowledge
from bot.serving import api_settings, endpoint
from kb.api.backend import ANYBODY, About, Reader
from kb.errors import IndexMissingError, InvalidQueryError, StaleIndexError
from kb.instant.records import Filters, Results
from kb.instant.searched import Searched
from kb.store import Store
from kb.types import DocumentId, Kind, TopicId
from tests.kb.instant.world import STAFF, document, put
from tests.kb.stored import delete

FORUM = "https://forum.example.org"
TRACKER = "The tracker capture app loses events when the tablet is offline."
# Long enough for a busy machine; what is found takes a quarter of a second.
PATIENCE_S = 30.0


@pytest.fixture
def app(tmp_path: Path) -> App:
    data = {
        "community": {"name": "Example", "contact": "ops@example.org"},
        "sources": {"forum": {"type": "forum", "url": FORUM}},
        "embedding": {"model": "hashing"},
        "search": {"bridge": "off"},
    }
    return App(parse_config(data, folder=tmp_path))


@pytest.fixture
def store(app: App) -> Iterator[Store]:
    with app.open_store() as opened:
        with opened.transaction():
            opened.links.use(app.config.link_rules())
        put(opened, topic("812", TRACKER, "Update the app, that helps."))
        put(opened, topic("813", "Events of the tracker vanish offline.", solved=True))
        put(opened, topic("900", "The rota of the staff.", visibility=STAFF))
        app.index()
        yield opened


@pytest.fixture
def knowledge(app: App, store: Store) -> Iterator[Knowledge]:
    made = Knowledge(app, searched=Searched(2))
    made.open()
    yield made
    made.close()


def topic(key: str, *texts: str, **more: object):  # type: ignore[no-untyped-def]
    made = document(key, *texts, **more)
    return replace(made, title=f"Topic {key}", url=f"{FORUM}/t/{key}")


def search(knowledge: Knowledge, q: str, reader: Reader = ANYBODY) -> Results:
    return knowledge.search(q, Filters(), page=1, k=10, reader=reader)


def keys(knowledge: Knowledge, q: str, reader: Reader = ANYBODY) -> list[str]:
    return [hit.hit.document.key for hit in search(knowledge, q, reader).hits]


def wait_for(fact: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


# -- kept in step --------------------------------------------------------------


def test_what_is_stored_is_found_while_others_search(
    knowledge: Knowledge, store: Store
) -> None:
    ended = threading.Event()
    failures: list[BaseException] = []

    def reads() -> None:
        try:
            while not ended.is_set():
                assert "812" in keys(knowledge, "tracker events")
        except BaseException as exc:
            failures.append(exc)

    readers = [threading.Thread(target=reads) for _ in range(3)]
    for reader in readers:
        reader.start()
    put(store, topic("950", "The zanzibar setting."))
    wait_for(lambda: keys(knowledge, '"zanzibar setting"') == ["950"])
    ended.set()
    for reader in readers:
        reader.join()

    assert failures == []
    assert knowledge.ready()["behind"] == 0


def test_a_new_index_takes_the_place_of_the_old_one(
    app: App, knowledge: Knowledge, store: Store
) -> None:
    put(store, topic("950", "The zanzibar setting."))
    app.index()

    wait_for(lambda: knowledge.ready()["lag"] == 0 and knowledge.ready()["behind"] == 0)
    assert keys(knowledge, '"zanzibar setting"') == ["950"]


def test_what_leaves_is_gone_at_once(knowledge: Knowledge, store: Store) -> None:
    found = store.documents.find("forum", "812")
    assert found is not None
    delete(store, found.id)

    assert "812" not in keys(knowledge, "tracker events")
    with pytest.raises(LookupError):
        knowledge.document(found.id, ANYBODY)


def test_a_store_that_was_replaced_is_not_answered_by_the_old_index(
    app: App, knowledge: Knowledge, store: Store
) -> None:
    store.close()
    for name in ("baraza.db", "baraza.db-wal", "baraza.db-shm"):
        (app.data_dir / name).unlink(missing_ok=True)
    with app.open_store() as other:
        put(other, topic("1", TRACKER))

    with pytest.raises(StaleIndexError):
        search(knowledge, "tracker")
    with pytest.raises(StaleIndexError):
        knowledge.ready()
    app.index(rebuild=True)
    wait_for(lambda: _answers(knowledge, "tracker", ["1"]))


def _answers(knowledge: Knowledge, q: str, expected: list[str]) -> bool:
    try:
        return keys(knowledge, q) == expected
    except StaleIndexError:
        return False


def test_a_backup_that_is_restored_takes_what_came_since_along(
    app: App, knowledge: Knowledge, store: Store, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    store.backup(backup)
    put(store, topic("950", "The zanzibar secret."))
    wait_for(lambda: keys(knowledge, '"zanzibar secret"') == ["950"])
    store.close()
    for name in ("baraza.db-wal", "baraza.db-shm"):
        (app.data_dir / name).unlink(missing_ok=True)
    backup.replace(app.store_path)

    with app.open_store() as restored:
        # It gets the ids of what is gone.
        put(restored, topic("951", "The quito setting."))

    wait_for(lambda: _answers(knowledge, '"quito setting"', ["951"]))
    assert keys(knowledge, '"zanzibar secret"') == []


def test_a_broken_row_ends_nothing(
    knowledge: Knowledge, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    broken = "UPDATE documents SET updated_at = ? WHERE key = '813'"
    store.db.conn.execute(broken, ["garbage"])
    put(store, topic("950", "The zanzibar setting."))
    wait_for(lambda: "searches are behind the store" in caplog.text)

    store.db.conn.execute(broken, ["2026-03-01T00:00:00.000000Z"])

    wait_for(lambda: keys(knowledge, '"zanzibar setting"') == ["950"])


def test_an_index_that_is_lost_and_made_again_is_taken_up(
    app: App, knowledge: Knowledge, store: Store
) -> None:
    shutil.rmtree(app.index_folder)
    # What is open answers on.
    assert "812" in keys(knowledge, "tracker events")
    put(store, topic("950", "The zanzibar setting."))
    app.index(rebuild=True)

    wait_for(lambda: keys(knowledge, '"zanzibar setting"') == ["950"])


def test_nothing_is_served_before_there_is_an_index(app: App) -> None:
    with app.open_store() as opened:
        put(opened, topic("1", TRACKER))

    with pytest.raises(IndexMissingError):
        Knowledge(app).open()
    with pytest.raises(IndexMissingError), endpoint(app):
        pass


# -- who may see what ------------------------------------------------------------


def test_a_key_shows_what_it_is_for(knowledge: Knowledge, store: Store) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    with store.transaction():
        secret = store.api_keys.add("wiki", [STAFF], at)
        all_of_it = store.api_keys.add("ops", ["private", "metrics"], at)
    wiki, ops = knowledge.reader(secret), knowledge.reader(all_of_it)
    assert wiki is not None
    assert ops is not None

    assert keys(knowledge, "rota staff") == []
    assert keys(knowledge, '"rota of the staff"', wiki) == ["900"]
    assert keys(knowledge, '"rota of the staff"', ops) == ["900"]
    assert (wiki.name, "metrics" in wiki.scopes, "metrics" in ops.scopes) == (
        "wiki",
        False,
        True,
    )
    assert knowledge.reader(f"{secret}x") is None
    with store.transaction():
        store.api_keys.revoke("wiki", at)
    assert knowledge.reader(secret) is None


def test_documents_and_their_numbers_are_those_that_the_reader_may_see(
    knowledge: Knowledge, store: Store
) -> None:
    secret = store.documents.find("forum", "900")
    assert secret is not None
    everything = Reader(visible_to=None)

    with pytest.raises(LookupError):
        knowledge.document(secret.id, ANYBODY)
    with pytest.raises(LookupError):
        knowledge.feedback(secret.id, helped=True, client="a", reader=ANYBODY)
    shown = knowledge.document(secret.id, everything)
    assert [p.text for p in shown.passages] == ["The rota of the staff."]
    assert knowledge.stats(ANYBODY).documents == {Kind.THREAD: 2}
    assert knowledge.stats(everything).documents == {Kind.THREAD: 3}
    assert knowledge.stats(ANYBODY).passages == 3


# -- what is related ------------------------------------------------------------


@pytest.mark.parametrize(
    "about",
    [
        About(topic_id=TopicId(812)),
        About(url=f"{FORUM}/t/lost-events/812"),
        About(url=f"{FORUM}/t/812/2"),
        About(text="My tablet loses tracker events offline", title="Events are lost"),
    ],
)
def test_related_leaves_out_what_it_is_asked_for(
    knowledge: Knowledge, store: Store, about: About
) -> None:
    found = knowledge.related(about, kinds=None, languages=None, k=5, reader=ANYBODY)

    found_keys = [hit.hit.document.key for hit in found]
    assert "813" in found_keys
    assert "900" not in found_keys
    assert ("812" in found_keys) is (about.text is not None)
    assert any(hit.highlights for hit in found)


@pytest.mark.parametrize(
    ("about", "error"),
    [
        (About(topic_id=TopicId(4)), LookupError),
        (About(topic_id=TopicId(900)), LookupError),
        (About(url=f"{FORUM}/t/900"), LookupError),
        (About(url="https://elsewhere.example.org/"), LookupError),
        (About(url="javascript:alert(1)"), LookupError),
        (About(url="no address"), LookupError),
        (About(text="?!"), InvalidQueryError),
    ],
)
def test_related_to_what_is_not_there_is_told(
    knowledge: Knowledge, store: Store, about: About, error: type[Exception]
) -> None:
    with pytest.raises(error):
        knowledge.related(about, kinds=None, languages=None, k=5, reader=ANYBODY)


# -- what is counted ------------------------------------------------------------


def test_a_client_has_one_word_a_day_on_a_document(
    knowledge: Knowledge, store: Store
) -> None:
    number = DocumentId(1)

    def say(client: str, helped: bool) -> bool:
        return knowledge.feedback(number, helped=helped, client=client, reader=ANYBODY)

    assert [say("a", True), say("a", False), say("b", False)] == [True, False, True]
    assert store.searches.helped(number) == (1, 1)


def test_a_word_that_could_not_be_written_may_be_said_again(
    app: App, knowledge: Knowledge, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.knowledge._VOTE_S", 0.01)
    store.db.conn.execute("BEGIN IMMEDIATE")
    from kb.errors import StoreError

    with pytest.raises(StoreError):
        knowledge.feedback(DocumentId(1), helped=True, client="a", reader=ANYBODY)
    store.db.conn.execute("ROLLBACK")

    assert knowledge.feedback(DocumentId(1), helped=True, client="a", reader=ANYBODY)


def test_what_is_searched_in_vain_is_written_down_at_the_end(
    app: App, store: Store
) -> None:
    knowledge = Knowledge(app, searched=Searched(2))
    knowledge.open()
    for client in ("a", "b"):
        knowledge.searched(search(knowledge, "qqq zzyzx"), client=client)
        knowledge.searched(search(knowledge, "tracker events"), client=client)
    knowledge.searched(search(knowledge, "vvvv xxyy"), client="a")
    knowledge.close()

    day = app.clock().date()
    (counted,) = store.searches.days(day, day.replace(year=day.year + 1))
    (missed,) = store.searches.misses(day, day.replace(year=day.year + 1), 10)
    assert (counted.searches, counted.in_vain) == (5, 3)
    assert (missed.query, missed.people) == ("qqq zzyzx", 2)


def test_what_a_filter_left_out_is_counted_and_not_named(
    app: App, store: Store
) -> None:
    knowledge = Knowledge(app, searched=Searched(2))
    knowledge.open()
    for q in ("tracker kind:video", "tracker -tracker"):
        for client in ("a", "b"):
            knowledge.searched(search(knowledge, q), client=client)
    knowledge.close()

    day = app.clock().date()
    (counted,) = store.searches.days(day, day.replace(year=day.year + 1))
    assert (counted.searches, counted.in_vain) == (4, 4)
    assert store.searches.misses(day, day.replace(year=day.year + 1), 10) == []


def test_related_to_an_old_version_leaves_out_the_page_itself(
    knowledge: Knowledge, store: Store
) -> None:
    for version in ("2.40", "2.41"):
        page = document(version, TRACKER, kind=Kind.DOCS, page="p", version=version)
        put(store, replace(page, url=f"https://docs.example.org/{version}/p"))
    with store.transaction():
        store.editions.settle("forum", None)
    wait_for(lambda: "2.41" in keys(knowledge, "tracker events kind:docs"))

    found = knowledge.related(
        About(url="https://docs.example.org/2.40/p"),
        kinds=None,
        languages=None,
        k=5,
        reader=ANYBODY,
    )

    assert {"2.40", "2.41"}.isdisjoint(hit.hit.document.key for hit in found)


def test_members_ask_where_the_forum_takes_new_topics(app: App) -> None:
    assert api_settings(app).ask_url == f"{FORUM}/new-topic"
