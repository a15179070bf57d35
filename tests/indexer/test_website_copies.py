"""One page under two addresses is held once; versions of a page are no copies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.library import WRITTEN
from kb.errors import RateLimitedError
from tests.indexer.web_world import WebWorld

PRE = "docs-site/"


def put(docs: Sandbox, path: str, text: str, *, head: str = "", days: int = 0) -> None:
    docs.library.put_page(
        path, text, WRITTEN + timedelta(days=days), head=head, has_twin=False
    )


def canonical(path: str) -> str:
    return f'<link rel="canonical" href="{{docs}}/{path}.html">'


def key(path: str) -> str:
    return f"{PRE}{path}.html"


def redirect(docs: Sandbox, path: str, target: str, times: int = 9) -> None:
    docs.faults.fail_next(
        times,
        path=f"/docs-site/{path}.html",
        status=301,
        headers={"Location": target},
    )


# -- the same text -------------------------------------------------------------------


def test_of_two_pages_with_the_same_text_the_one_with_the_shorter_address_stays(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/use/copy", "# Maps\n\nText.")
    put(docs, "2.41/en/maps", "# Maps\n\nText.")

    first, second = web.harvest(), web.harvest()

    assert web.keys == [key("2.41/en/maps")]
    assert first.skipped == {"holds the same as another page": 1}
    assert second.skipped == first.skipped
    assert (second.unchanged, second.requests) == (1, 2)


def test_pages_that_differ_below_what_looks_like_mail_are_no_copies(
    docs: Sandbox, web: WebWorld
) -> None:
    mail = "From: a@example.org\\\nSent: Monday\\\nTo: b\\\nSubject: c"
    put(docs, "2.41/en/a", f"# Mail\n\nText.\n\n{mail}\n\nOne.")
    put(docs, "2.41/en/b", f"# Mail\n\nText.\n\n{mail}\n\nTwo.")
    web.harvest()
    assert web.keys == [key("2.41/en/a"), key("2.41/en/b")]


def test_when_the_first_leaves_its_copy_is_read_in_the_same_walk(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/use/copy", "# Maps\n\nText.")
    put(docs, "2.41/en/maps", "# Maps\n\nText.")
    web.harvest()
    docs.library.take_down("2.41/en/maps", 410)

    report = web.harvest()

    assert (report.inserted, report.deleted) == (1, 1)
    assert web.keys == [key("2.41/en/use/copy")]


def test_when_the_first_says_something_else_its_copy_is_a_page(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/use/copy", "# Maps\n\nText.")
    put(docs, "2.41/en/maps", "# Maps\n\nText.")
    web.harvest()
    put(docs, "2.41/en/maps", "# Maps\n\nOther text.", days=1)

    web.harvest()

    assert web.keys == [key("2.41/en/maps"), key("2.41/en/use/copy")]


def test_a_new_page_with_a_shorter_address_takes_the_place_of_its_copy(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/use/copy", "# Maps\n\nText.")
    web.harvest()
    put(docs, "2.41/en/maps", "# Maps\n\nText.")

    report, again = web.harvest(), web.harvest(recheck_every=timedelta(0))

    assert (report.inserted, report.deleted) == (1, 1)
    assert web.keys == [key("2.41/en/maps")]
    assert (again.inserted, again.deleted, again.unchanged) == (0, 0, 1)


def test_a_walk_that_stops_before_its_end_leaves_no_copy_for_good(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/use/copy", "# Maps\n\nText.")
    web.harvest()
    put(docs, "2.41/en/maps", "# Maps\n\nText.")
    put(docs, "2.41/en/use/long/z", "# Z\n\nText z.")
    docs.faults.fail_next(
        path="/docs-site/2.41/en/use/long/z",
        status=429,
        headers={"Retry-After": "9999"},
    )
    with pytest.raises(RateLimitedError):
        web.harvest()
    both = web.keys

    web.harvest()

    assert both == [key("2.41/en/maps"), key("2.41/en/use/copy")]
    assert web.keys == [key("2.41/en/maps"), key("2.41/en/use/long/z")]


def test_versions_with_the_same_text_are_all_held(docs: Sandbox, web: WebWorld) -> None:
    for version in ("2.40", "2.41"):
        put(docs, f"{version}/en/maps", "# Maps\n\nText.")

    report = web.harvest()

    assert web.keys == [key("2.40/en/maps"), key("2.41/en/maps")]
    assert report.skipped == {}


def test_twins_with_the_same_text_are_copies_as_well(
    docs: Sandbox, web: WebWorld
) -> None:
    docs.library.put_page("2.41/en/use/copy", "# Maps\n\nText.")
    docs.library.put_page("2.41/en/maps", "# Maps\n\nText.")

    web.harvest()
    again = web.harvest(recheck_every=timedelta(0))
    docs.library.take_down("2.41/en/maps", 410)
    web.harvest()
    web.harvest()

    assert again.skipped == {"holds the same as another page": 1}
    assert web.keys == [key("2.41/en/use/copy")]


# -- what a page says of itself --------------------------------------------------------


def test_a_page_that_names_another_as_its_own_is_a_copy_of_it(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/a", "# A\n\nOne.", head=canonical("2.41/en/long/b"))
    put(docs, "2.41/en/long/b", "# B\n\nTwo.", head=canonical("2.41/en/long/b"))

    first, second = web.harvest(), web.harvest(recheck_every=timedelta(0))

    assert web.keys == [key("2.41/en/long/b")]
    assert first.skipped == {"says that it is a copy of another page": 1}
    assert second.skipped == first.skipped
    assert (second.inserted, second.deleted) == (0, 0)


def test_a_version_that_names_the_newest_one_is_its_own_edition(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.40/en/a", "# A\n\nOld.", head=canonical("2.41/en/a"))
    put(docs, "2.41/en/a", "# A\n\nNew.", head=canonical("2.41/en/a"))

    web.harvest()

    assert web.keys == [key("2.40/en/a"), key("2.41/en/a")]
    assert web.document(key("2.40/en/a")).url == f"{docs.docs_url}/2.40/en/a.html"


def test_pages_that_name_each_other_are_not_both_lost(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/a", "# A\n\nOne.", head=canonical("2.41/en/b"))
    put(docs, "2.41/en/b", "# B\n\nTwo.", head=canonical("2.41/en/a"))

    for _ in range(3):
        web.harvest(recheck_every=timedelta(0))
        assert len(web.keys) >= 1


def test_a_page_whose_original_is_missing_is_read(docs: Sandbox, web: WebWorld) -> None:
    put(docs, "2.41/en/a", "# A\n\nOne.", head=canonical("2.41/en/long/b"))
    put(docs, "2.41/en/long/b", "# B\n\nTwo.")
    docs.library.take_down("2.41/en/long/b", 404, is_listed=True)

    web.harvest()
    web.harvest()

    assert web.keys == [key("2.41/en/a")]


def test_a_page_is_linked_to_where_it_says_if_it_can_be_read_there(
    docs: Sandbox, web: WebWorld
) -> None:
    docs.library.put_page("2.41/en/real", "# R\n\nx", is_listed=False)
    put(docs, "2.41/en/a", "# A\n\nOne.", head=canonical("2.41/en/real"))
    put(docs, "2.41/en/b", "# B\n\nTwo.", head=canonical("2.41/en/none"))
    other = '<link rel="canonical" href="https://other.example.org/c.html">'
    put(docs, "2.41/en/c", "# C\n\nThree.", head=other)

    web.harvest()

    urls = [web.document(each).url for each in web.keys]
    assert urls == [
        f"{docs.docs_url}/2.41/en/real.html",
        f"{docs.docs_url}/2.41/en/b.html",
        f"{docs.docs_url}/2.41/en/c.html",
    ]


def test_a_page_that_asks_not_to_be_indexed_is_not_held(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/a", "# A\n\nOne.")
    put(docs, "2.41/en/b", "# B\n\nTwo.", head='<meta name="robots" content="noindex">')
    put(docs, "2.41/en/c", "# C\n\nThree.")
    docs.faults.fail_next(
        path="/docs-site/2.41/en/c.html",
        status=200,
        headers={"X-Robots-Tag": "noindex"},
    )

    first = web.harvest()
    put(docs, "2.41/en/a", "# A", head='<meta name="robots" content="none">', days=1)
    second = web.harvest()

    assert first.skipped == {"asks not to be indexed": 2}
    assert (second.deleted, web.keys) == (1, [])


# -- redirects -------------------------------------------------------------------------


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_page_that_leads_to_another_is_none_of_its_own(
    docs: Sandbox, web: WebWorld, is_stored: bool
) -> None:
    put(docs, "2.41/en/new", "# New\n\nText.")
    put(docs, "2.41/en/a", "# Old\n\nOld text.")
    if is_stored:
        web.harvest()
    redirect(docs, "2.41/en/a", "new.html")

    report = web.harvest(recheck_every=timedelta(0))

    assert web.keys == [key("2.41/en/new")]
    assert report.deleted == int(is_stored)


def test_a_page_that_leads_to_one_that_nothing_lists_is_linked_to_there(
    docs: Sandbox, web: WebWorld
) -> None:
    docs.library.put_page("2.41/en/new", "# New\n\nx", is_listed=False, has_twin=False)
    put(docs, "2.41/en/a", "# Old\n\nOld text.")
    redirect(docs, "2.41/en/a", "new.html")

    web.harvest()

    page = web.document(key("2.41/en/a"))
    assert (page.url, page.title) == (f"{docs.docs_url}/2.41/en/new.html", "New")


def test_a_page_that_sends_its_readers_on_is_a_redirect(
    docs: Sandbox, web: WebWorld
) -> None:
    put(docs, "2.41/en/new", "# New\n\nText.")
    refresh = '<meta http-equiv="refresh" content="0; url=new.html">'
    put(docs, "2.41/en/a", "# Moved", head=refresh)

    report = web.harvest()

    assert web.keys == [key("2.41/en/new")]
    assert report.skipped == {"leads to another page": 1}


@pytest.mark.parametrize(
    "target", ["https://other.example.org/x", "http://10.0.0.1/x", "http://[::1]/x"]
)
def test_nobody_is_followed_to_another_host(
    docs: Sandbox, web: WebWorld, target: str
) -> None:
    put(docs, "2.41/en/a", "# A\n\nText.")
    put(docs, "2.41/en/b", "# B\n\nText.")
    web.harvest(exclude=())
    before = len(docs.requests)
    put(docs, "2.41/en/c", "# C\n\nText.")
    redirect(docs, "2.41/en/a", target)
    redirect(docs, "2.41/en/c", target)

    report = web.harvest(recheck_every=timedelta(0))

    assert web.keys == [key("2.41/en/a"), key("2.41/en/b")]
    assert report.skipped == {"is sent on to another site": 1}
    assert list(web.set_aside()) == [key("2.41/en/a")]
    assert "redirects to another host" in web.set_aside()[key("2.41/en/a")]
    assert all(each.startswith("GET /docs-site/") for each in docs.requests[before:])


@pytest.mark.parametrize(
    ("login", "text"),
    [
        ("2.41/en/login", "# Log in"),
        ("2.41/en/wp-login", "# Log in"),
        ("realms/academy", "# Welcome\n\n<input type='password'>"),
    ],
)
def test_a_page_behind_a_login_is_not_read_as_the_login(
    docs: Sandbox, web: WebWorld, login: str, text: str
) -> None:
    docs.library.put_page(login, text, is_listed=False)
    put(docs, "2.41/en/a", "# A\n\nText.")
    web.harvest()
    put(docs, "2.41/en/b", "# B\n\nText.")
    for path in ("2.41/en/a", "2.41/en/b"):
        redirect(docs, path, f"/docs-site/{login}.html")

    report = web.harvest(recheck_every=timedelta(0))

    assert web.keys == [key("2.41/en/a")]
    [(aside, reason)] = web.set_aside().items()
    assert aside == key("2.41/en/a")
    assert reason.startswith("is for people with an account only since ")
    assert report.skipped == {"is for people with an account only": 1}
