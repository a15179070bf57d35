"""Harvesting files of translations: what comes, what stays, and what leaves."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from indexer.guard import PublicOnly
from indexer.http import Transport
from indexer.pipeline import RefreshReport, refresh
from indexer.sources.terms import TermsSettings, TermsSource
from kb.errors import ForumError, SourceError
from kb.store import Store
from kb.types import Document, PassageDraft
from tests.indexer.forum_world import Hands
from tests.indexer.loopback import Loopback, Reply, as_text

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def nothing_to_cut(document: Document) -> tuple[PassageDraft, ...]:
    raise AssertionError(f"{document.key}: a source of terms has no documents")


@dataclass
class TermsWorld:
    """A folder of translations, a site that has some, and a store."""

    folder: Path
    site: Loopback
    store: Store
    clock: Hands

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def harvest(
        self,
        path: str | None = "",
        *,
        full: bool = False,
        accept_deletions: bool = False,
        **settings: Any,
    ) -> RefreshReport:
        """One refresh of the folder, or of *path* in it, a minute after the last."""
        self.clock.now += timedelta(minutes=1)
        with Transport(
            self.site.url,
            requests_per_second=None,
            max_attempts=1,
            guard=PublicOnly(base_url=self.site.url),
        ) as transport:
            source = TermsSource(
                "terms",
                None if path is None else self.folder / path,
                (transport,),
                TermsSettings(**settings),
                clock=self.clock,
            )
            report = refresh(
                source,
                self.store,
                nothing_to_cut,
                "v1",
                clock=self.clock,
                full=full,
                accept_deletions=accept_deletions,
            )
        return replace(report, seconds=0.0)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return list(self.store.parallel.pairs("en", "fr"))

    @property
    def set_aside(self) -> dict[str, str]:
        aside = self.store.progress.all_set_aside("terms")
        return {item.key: item.reason for item in aside}


@pytest.fixture
def terms(tmp_path: Path, host: Loopback, store: Store, clock: Hands) -> TermsWorld:
    folder = tmp_path / "i18n"
    folder.mkdir()
    return TermsWorld(folder, host, store, clock)


FILES = {
    "app_en.properties": "save=Save\nopen=Open\n",
    "app_fr.properties": "save=Enregistrer\nopen=Ouvrir\n",
    "deep/fr.po": 'msgid "Close"\nmsgstr "Fermer"\n',
    "res/values-fr/strings.xml": (
        "<resources><string name='a'>Aide</string></resources>"
    ),
    "layout.xml": "<no-strings/>",
    "README.md": "no translation",
    ".hidden/es.po": "broken",
}


def test_all_files_below_a_folder_become_texts_and_no_documents(
    terms: TermsWorld,
) -> None:
    terms.write(FILES)

    report = terms.harvest()

    assert report == RefreshReport(
        "terms", texts=7, texts_changed=7, remaining=0, complete=True
    )
    assert terms.pairs == [
        ("Close", "Fermer"),
        ("Open", "Ouvrir"),
        ("Save", "Enregistrer"),
    ]
    assert terms.store.parallel.files("terms") == {
        "app_en.properties": 2,
        "app_fr.properties": 2,
        "deep/fr.po": 2,
        "res/values-fr/strings.xml": 1,
    }
    assert terms.store.documents.counts() == []


def test_a_harvest_without_a_change_changes_nothing(terms: TermsWorld) -> None:
    terms.write(FILES)
    terms.harvest()
    mark = terms.store.parallel.mark()

    report = terms.harvest()

    assert (report.texts, report.texts_changed) == (7, 0)
    assert terms.store.parallel.mark() == mark


def test_a_file_that_changes_is_read_anew_and_one_that_is_gone_leaves(
    terms: TermsWorld,
) -> None:
    terms.write(FILES)
    terms.harvest()
    terms.write({"app_fr.properties": "save=Garder\n"})
    (terms.folder / "deep/fr.po").unlink()

    report = terms.harvest()

    assert report.texts_changed == 4
    assert terms.pairs == [("Save", "Garder")]


def test_a_broken_file_keeps_what_it_said_and_is_reported_until_it_is_mended(
    terms: TermsWorld,
) -> None:
    terms.write(FILES)
    terms.harvest()
    before = terms.pairs
    terms.write({"deep/fr.po": b'msgid "Close"\nmsgstr "\xff"\n'})

    report = terms.harvest()

    assert (report.set_aside, report.texts_changed) == (1, 0)
    assert terms.set_aside == {"deep/fr.po": "not utf-8 at byte 22"}
    assert terms.pairs == before
    terms.write({"deep/fr.po": FILES["deep/fr.po"]})
    terms.harvest()
    assert terms.set_aside == {}


def test_of_a_file_that_is_broken_in_places_the_rest_is_taken(
    terms: TermsWorld,
) -> None:
    broken = "".join(f"nonsense {n}\n\n" for n in range(5))
    terms.write({"fr.po": broken + FILES["deep/fr.po"]})

    terms.harvest()

    assert terms.pairs == [("Close", "Fermer")]
    assert terms.set_aside == {
        "fr.po": "line 1: broken entry; line 3: broken entry; line 5: broken entry; "
        "and 2 more"
    }


def test_a_file_whose_language_nobody_tells_is_reported_with_what_to_set(
    terms: TermsWorld,
) -> None:
    terms.write({"app.properties": "save=Save\n", "app_fr.properties": "save=Garder\n"})

    terms.harvest()
    problem = terms.set_aside
    terms.harvest(language="en")

    assert problem == {
        "app.properties": "no language in its name: set language, or a rule"
    }
    assert terms.set_aside == {}
    assert terms.pairs == [("Save", "Garder")]


def test_a_rule_may_tell_the_language_and_patterns_which_files_are_read(
    terms: TermsWorld,
) -> None:
    terms.write(
        {
            "french/app.properties": "save=Garder\n",
            "english/app.properties": "save=Save\n",
            "french/other.properties": "x=Autre\n",
        }
    )

    terms.harvest(
        include=("*/app.properties",),
        rules=(re.compile("^(?P<language>fr|en)"),),
    )

    assert terms.store.parallel.counts() == {("terms", "en"): 1, ("terms", "fr"): 1}


def test_a_path_may_be_one_file(terms: TermsWorld) -> None:
    terms.write({"list.csv": "en,fr\nSave,Garder\n"})

    terms.harvest("list.csv")

    assert terms.pairs == [("Save", "Garder")]


def test_a_folder_that_is_missing_or_empty_loses_nothing(terms: TermsWorld) -> None:
    terms.write(FILES)
    terms.harvest()
    (terms.folder / "empty").mkdir()

    with pytest.raises(SourceError, match="no such file or folder"):
        terms.harvest("missing")
    with pytest.raises(SourceError, match="no file of translations below it"):
        terms.harvest("empty")

    assert len(terms.pairs) == 3


def test_most_files_do_not_leave_at_once_unless_that_is_confirmed(
    terms: TermsWorld,
) -> None:
    terms.write({f"n{n:02}/fr.po": FILES["deep/fr.po"] for n in range(40)})
    terms.harvest()
    for path in sorted(terms.folder.iterdir())[10:]:
        (path / "fr.po").unlink()

    with pytest.raises(SourceError, match="30 of 40 files have left it all at once"):
        terms.harvest()

    assert len(terms.store.parallel.files("terms")) == 40
    terms.harvest(accept_deletions=True)
    assert len(terms.store.parallel.files("terms")) == 10


def test_links_out_of_the_folder_and_what_is_no_file_are_left_out(
    terms: TermsWorld, tmp_path: Path
) -> None:
    secret = tmp_path / "secret_fr.properties"
    secret.write_text("password=hunter2\n")
    terms.write({"app_fr.properties": "save=Garder\n"})
    (terms.folder / "link_fr.properties").symlink_to(secret)
    os.mkfifo(terms.folder / "pipe_fr.properties")

    terms.harvest()

    assert terms.store.parallel.files("terms") == {"app_fr.properties": 1}
    assert terms.set_aside == {"pipe_fr.properties": "not a regular file"}


# -- the web -----------------------------------------------------------------

PO = 'msgid "Close"\nmsgstr "Fermer"\n'


def test_an_address_is_asked_again_only_for_what_changed(terms: TermsWorld) -> None:
    url = f"{terms.site.url}/i18n/fr.po"
    terms.site.on(
        "/i18n/fr.po",
        Reply(200, PO.encode(), {"ETag": '"1"'}),
        Reply(304, b""),
    )

    first = terms.harvest(None, urls=(url,))
    second = terms.harvest(None, urls=(url,))

    assert (first.texts, first.texts_changed, first.requests) == (2, 2, 1)
    assert (second.texts, second.texts_changed, second.requests) == (2, 0, 1)
    assert terms.site.seen[1]["if-none-match"] == '"1"'
    assert terms.store.parallel.files("terms") == {url: 2}


def test_other_settings_ask_for_the_whole_file(terms: TermsWorld) -> None:
    url = f"{terms.site.url}/i18n/fr.po"
    terms.site.on("/i18n/fr.po", Reply(200, PO.encode(), {"ETag": '"1"'}))
    terms.harvest(None, urls=(url,))

    terms.harvest(None, urls=(url,), source_language="pt")

    assert "if-none-match" not in terms.site.seen[1]
    assert terms.store.parallel.languages() == {("fr", "pt"): 1}


def test_an_address_that_is_missing_leaves_when_that_is_certain(
    terms: TermsWorld,
) -> None:
    url = f"{terms.site.url}/fr.po"
    terms.site.on("/fr.po", as_text(PO), as_text("", 404))
    terms.harvest(None, urls=(url,))

    terms.harvest(None, urls=(url,))
    kept = terms.pairs
    reasons = terms.set_aside
    terms.clock.now += timedelta(days=1)
    terms.harvest(None, urls=(url,))

    assert kept == [("Close", "Fermer")]
    assert [reason.split()[0] for reason in reasons.values()] == ["404"]
    assert (terms.pairs, terms.set_aside) == ([], {})


def test_an_address_that_leaves_the_config_is_forgotten(terms: TermsWorld) -> None:
    urls = tuple(f"{terms.site.url}/{name}" for name in ("fr.po", "es.po"))
    for name in ("/fr.po", "/es.po"):
        terms.site.on(name, Reply(200, PO.encode(), {"ETag": '"1"'}))
    terms.harvest(None, urls=urls)

    terms.harvest(None, urls=urls[1:])

    assert list(terms.store.parallel.files("terms")) == [urls[1]]
    assert terms.store.fetches.get("terms", urls[0]) is None


def test_a_site_that_fails_loses_nothing_and_a_broken_answer_is_asked_again(
    terms: TermsWorld,
) -> None:
    url = f"{terms.site.url}/fr.po"
    broken = Reply(200, b'msgid "a"\nmsgstr "\xff"', {"ETag": '"2"'})
    login = as_text("Log in, please")
    terms.site.on("/fr.po", as_text(PO), as_text("", 503), broken, login, as_text(PO))
    reasons = []
    for _ in range(5):
        terms.harvest(None, urls=(url,))
        reasons.append(len(terms.set_aside))
        assert terms.pairs == [("Close", "Fermer")]

    assert reasons == [0, 1, 1, 1, 0]
    assert "if-none-match" not in terms.site.seen[3]


def test_a_site_that_is_down_ends_the_harvest(terms: TermsWorld) -> None:
    urls = tuple(f"{terms.site.url}/{n}/fr.po" for n in range(5))
    for n in range(5):
        terms.site.on(f"/{n}/fr.po", as_text("", 503))

    with pytest.raises(ForumError):
        terms.harvest(None, urls=urls)

    assert len(terms.site.requests) == 3


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "dhis2" / "terms.jsonl.gz").exists(), reason="no real terms here"
)
def test_real_terms_pair_five_languages(terms: TermsWorld) -> None:
    terms.folder = SHARED / "dhis2"

    report = terms.harvest("terms.jsonl.gz")

    assert (report.set_aside, terms.set_aside) == (0, {})
    counts = terms.store.parallel.languages()
    assert counts["en", "es"] > 5_000
    assert counts["ar", "en"] > 4_000
    assert counts["en", "fr"] > 5_000
    assert counts["en", "pt"] > 5_000
    assert ("Organisation Units", "Unités d'organisation") in terms.pairs
