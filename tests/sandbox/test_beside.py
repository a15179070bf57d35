"""The sites beside the forum: documentation, courses, videos."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from bot.sandbox import Community, Sandbox, write_docs
from bot.sandbox.library import Course, Playlist, Video
from bot.sandbox.style import LOOKS
from tests.sandbox.conftest import client

PAGE = """# Data entry { #data-entry }

Open the *form*; see [backups]({docs}/2.41/en/manage/backup.html) and {forum}/t/-/1.

## Saving <now> { #saving-now }

| a | b |
|---|---|
| 1 | 2 |

## Plain heading

    code here
"""
PATH = "2.41/en/use/data-entry"
CHANGED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture(autouse=True)
def library(box: Sandbox) -> None:
    box.library.put_page(PATH, PAGE, CHANGED)
    box.library.put_page("2.40/fr/use/saisie", "# Saisie\n\nTexte.\n")
    box.library.courses = [_course(number) for number in range(12)]
    box.library.playlists = [Playlist("PL1", "All", tuple(map(_video, range(17))))]


def _course(number: int) -> Course:
    return Course(
        id=f"course-v1:Org+C{number}+2024",
        name=f"Course {number} & more",
        short_description="What it is about.",
        language="fr",
        level="introductory",
        effort="2 hours",
        start=CHANGED,
        enrollment_start=None,
        pacing="self",
        outline=(("Chapter one", ("Unit <a>", "Unit b")),),
    )


def _video(number: int) -> Video:
    return Video(
        id=f"vid{number:02}",
        title=f"Video {number} & more",
        description="0:00 Intro\n1:10 More",
        published=CHANGED + timedelta(days=number),
        duration_s=412,
        language="en",
    )


def test_a_page_comes_as_html_and_as_its_markdown_twin(
    box: Sandbox, web: httpx.Client
) -> None:
    html = web.get(f"/docs-site/{PATH}.html")
    twin = web.get(f"/docs-site/{PATH}.md")

    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="en">' in html.text
    assert "<title>Data entry - Documentation 2.41</title>" in html.text
    assert f'href="{box.docs_url}/2.41/en/manage/backup.html"' in html.text
    assert '<h1 id="data-entry">Data entry<a class="headerlink"' in html.text
    assert '<h2 id="plain-heading">Plain heading<' in html.text
    assert "{ #" not in html.text
    assert "{docs}" not in html.text
    assert twin.headers["content-type"] == "text/markdown"
    expected = PAGE.replace("{docs}", box.docs_url).replace("{forum}", box.url)
    assert twin.text == expected


@pytest.mark.parametrize("suffix", ["html", "md"])
def test_an_unchanged_page_is_not_sent_again(
    box: Sandbox, web: httpx.Client, suffix: str
) -> None:
    path = f"/docs-site/{PATH}.{suffix}"
    first = web.get(path)
    tag = {"If-None-Match": first.headers["etag"]}
    since = {"If-Modified-Since": first.headers["last-modified"]}

    same = [web.get(path, headers=tag), web.get(path, headers=since)]
    box.library.put_page(PATH, PAGE + "More.\n", CHANGED + timedelta(days=1))
    changed = [web.get(path, headers=tag), web.get(path, headers=since)]

    assert first.headers["last-modified"] == "Tue, 03 Feb 2026 04:05:06 GMT"
    assert [(each.status_code, each.content) for each in same] == [(304, b"")] * 2
    assert [each.status_code for each in changed] == [200, 200]
    broken = web.get(path, headers={"If-Modified-Since": "yesterday"})
    assert broken.status_code == 200


def test_pages_are_listed_in_sitemap_and_llms_txt(
    box: Sandbox, web: httpx.Client
) -> None:
    sitemap = web.get("/docs-site/sitemap.xml").text
    llms = web.get("/docs-site/llms.txt").text

    assert (
        f"<url><loc>{box.docs_url}/{PATH}.html</loc><lastmod>2026-02-03</lastmod></url>"
    ) in sitemap
    assert llms == (
        f"# Documentation\n\n- [Data entry]({box.docs_url}/{PATH}.md)\n"
        f"- [Saisie]({box.docs_url}/2.40/fr/use/saisie.md)\n"
    )
    robots = web.get("/docs-site/robots.txt").text
    assert f"Sitemap: {box.docs_url}/sitemap.xml" in robots
    assert PATH in web.get("/docs-site/").text


def test_sitemaps_also_come_packed_and_by_way_of_an_index(
    box: Sandbox, web: httpx.Client
) -> None:
    plain = web.get("/docs-site/sitemap.xml").content
    packed = web.get("/docs-site/sitemap.xml.gz").content
    index = web.get("/docs-site/sitemap-index.xml").text

    assert gzip.decompress(packed) == plain
    assert f"<sitemap><loc>{box.docs_url}/sitemap.xml.gz</loc></sitemap>" in index


@pytest.mark.parametrize("name", ["sitemap.xml", "sitemap.xml.gz", "llms.txt"])
def test_a_list_is_sent_again_only_when_it_changed(
    box: Sandbox, web: httpx.Client, name: str
) -> None:
    first = web.get(f"/docs-site/{name}")
    tag = {"If-None-Match": first.headers["etag"]}

    same = web.get(f"/docs-site/{name}", headers=tag)
    box.library.put_page("2.41/en/use/new", "# New")
    changed = web.get(f"/docs-site/{name}", headers=tag)

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200
    assert first.headers["last-modified"] == "Tue, 03 Feb 2026 04:05:06 GMT"


def test_a_page_is_taken_down_unlisted_or_without_a_twin(
    box: Sandbox, web: httpx.Client
) -> None:
    box.library.take_down(PATH, 410, is_listed=True)
    box.library.put_page(
        "2.40/fr/use/saisie",
        "# Saisie",
        head='<link rel="canonical" href="{docs}/x.html">',
        is_listed=False,
        has_twin=False,
    )
    page = web.get("/docs-site/2.40/fr/use/saisie.html")
    listed = web.get("/docs-site/sitemap.xml").text

    assert web.get(f"/docs-site/{PATH}.html").status_code == 410
    assert web.get(f"/docs-site/{PATH}.md").status_code == 410
    assert web.get("/docs-site/2.40/fr/use/saisie.md").status_code == 404
    assert f'<link rel="canonical" href="{box.docs_url}/x.html">' in page.text
    assert 'type="text/markdown"' not in page.text
    assert (PATH in listed, "saisie" in listed) == (True, False)


@pytest.mark.parametrize("path", [PATH, f"{PATH}.pdf", "2.41/en/none.html", ".html"])
def test_other_pages_are_missing(web: httpx.Client, path: str) -> None:
    assert web.get(f"/docs-site/{path}").status_code == 404


def test_courses_come_in_pages_of_open_edx(box: Sandbox, web: httpx.Client) -> None:
    base = "/academy/api/courses/v1/courses/"

    first, second = web.get(base).json(), web.get(f"{base}?page=2").json()

    assert first["pagination"] == {
        "next": f"{box.academy_url}/api/courses/v1/courses/?page=2&page_size=10",
        "previous": None,
        "count": 12,
        "num_pages": 2,
    }
    assert [each["number"] for each in second["results"]] == ["C10", "C11"]
    course = first["results"][0]
    # Nothing of these is served here.
    assert "blocks_url" not in course
    assert course["media"]["course_image"] == {"uri": None}
    assert (course["course_id"], course["org"], course["start_display"]) == (
        "course-v1:Org+C0+2024",
        "Org",
        "February 3, 2026",
    )
    assert web.get(f"{base}?page=3").json() == {"detail": "Invalid page."}
    assert web.get(f"{base}?page=x").status_code == 404


def test_a_course_has_a_page_with_its_outline(web: httpx.Client) -> None:
    course = "course-v1:Org+C3+2024"

    detail = web.get(f"/academy/api/courses/v1/courses/{course}").json()
    page = web.get(f"/academy/courses/{course}/about")

    assert "<li>Chapter one<ul><li>Unit &lt;a&gt;</li>" in detail["overview"]
    assert '<html lang="fr">' in page.text
    assert "<h1>Course 3 &amp; more</h1>" in page.text
    assert detail["overview"] in page.text
    assert web.get("/academy/courses/course-v1:None/about").status_code == 404
    missing = web.get("/academy/api/courses/v1/courses/none")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "not_found")


def test_the_feed_of_a_playlist_holds_the_15_newest(
    box: Sandbox, web: httpx.Client
) -> None:
    answer = web.get("/videos/feeds/videos.xml?playlist_id=PL1")

    ids = [each.partition("<")[0] for each in answer.text.split("<yt:videoId>")[1:]]
    assert ids == [f"vid{number:02}" for number in range(16, 1, -1)]
    assert answer.headers["content-type"] == "text/xml; charset=UTF-8"
    assert (
        f'<link rel="alternate" href="{box.videos_url}/watch?v=vid16"/>' in answer.text
    )
    assert "<title>Video 16 &amp; more</title>" in answer.text
    assert web.get("/videos/feeds/videos.xml?playlist_id=no").status_code == 404


def test_the_items_of_a_playlist_are_paged_by_token(web: httpx.Client) -> None:
    path = "/videos/youtube/v3/playlistItems?playlistId=PL1&maxResults=10"

    first = web.get(path).json()
    second = web.get(f"{path}&pageToken={first['nextPageToken']}").json()

    ids = [
        item["contentDetails"]["videoId"]
        for page in (first, second)
        for item in page["items"]
    ]
    assert ids == [f"vid{number:02}" for number in range(17)]
    assert "nextPageToken" not in second
    assert first["pageInfo"] == {"totalResults": 17, "resultsPerPage": 10}
    unknown = web.get("/videos/youtube/v3/playlistItems?playlistId=no")
    assert unknown.json()["error"]["errors"][0]["reason"] == "playlistNotFound"
    assert web.get(f"{path}&pageToken=x").status_code == 400


def test_videos_have_details_and_a_page(web: httpx.Client) -> None:
    details = web.get("/videos/youtube/v3/videos?id=vid03,none").json()
    page = web.get("/videos/watch?v=vid03")

    assert [item["contentDetails"] for item in details["items"]] == [
        {"duration": "PT6M52S"}
    ]
    assert "<h1>Video 3 &amp; more</h1>" in page.text
    assert web.get("/videos/watch?v=none").status_code == 404


@pytest.mark.parametrize("tail", ["", "/"])
def test_courses_and_videos_are_listed_for_people(
    box: Sandbox, web: httpx.Client, tail: str
) -> None:
    catalogue = web.get(f"/academy{tail}")
    channel = web.get(f"/videos{tail}")

    link = f"{box.academy_url}/courses/course-v1%3AOrg%2BC3%2B2024/about"
    assert f'<a href="{link}">Course 3 &amp; more</a> (fr)' in catalogue.text
    assert web.get(link).status_code == 200
    watch = f'<a href="{box.videos_url}/watch?v=vid16">Video 16 &amp; more</a> (en)'
    assert watch in channel.text
    feed = f"{box.videos_url}/feeds/videos.xml?playlist_id=PL1"
    assert f'<h2>All</h2>\n<p><a href="{feed}">Feed</a></p>' in channel.text
    assert LOOKS in catalogue.text
    assert LOOKS in channel.text


@pytest.mark.parametrize(
    "path",
    ["/none", "/docs-site/none.html", "/academy/none", "/videos/none", "/t/99"],
)
def test_a_person_finds_missing_pages_readable_on_a_phone(
    web: httpx.Client, path: str
) -> None:
    page = web.get(path)

    assert page.status_code == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert LOOKS in page.text


def test_the_mark_of_a_solution_is_not_faded() -> None:
    assert "opacity" not in LOOKS


def test_links_between_sources_become_links_between_pages(
    box: Sandbox, web: httpx.Client
) -> None:
    box.library.put_page(
        "2.41/en/use/links",
        "[a](data-entry.md) [b](../use/data-entry.md#saving-now) "
        "[c](https://example.org/x.md) [d]({docs}/2.41/en/use/data-entry.html)\n",
    )

    html = web.get("/docs-site/2.41/en/use/links.html").text
    twin = web.get("/docs-site/2.41/en/use/links.md").text

    for href in (
        "data-entry.html",
        "../use/data-entry.html#saving-now",
        "https://example.org/x.md",
        f"{box.docs_url}/2.41/en/use/data-entry.html",
    ):
        assert f'<a href="{href}">' in html
    assert "[b](../use/data-entry.md#saving-now)" in twin


def test_every_link_of_the_sample_pages_lands() -> None:
    """Followed on the wire, to the heading where a link names one."""
    with Sandbox(Community.empty()) as box, client(box) as web:
        pages = {
            f"{box.docs_url}/{path}.html": LexborHTMLParser(
                web.get(f"/docs-site/{path}.html").text
            )
            for path in box.library.pages
        }
        links = [
            urljoin(url, node.attributes["href"] or "")
            for url, page in pages.items()
            for node in page.css("article a")
        ]
    inner = [link for link in links if link.startswith(box.docs_url)]

    def lands(link: str) -> bool:
        url, _hash, anchor = link.partition("#")
        found = pages.get(url)
        return found is not None and (
            not anchor or found.css_first(f'[id="{anchor}"]') is not None
        )

    assert len(inner) > 100
    assert [link for link in inner if not lands(link)] == []


def test_the_sample_docs_are_written_as_a_checkout(tmp_path: Path) -> None:
    written = write_docs(tmp_path, "http://docs.example")

    texts = [path.read_text("utf-8") for path in written if path.suffix == ".md"]
    assert len(texts) >= 30
    assert not any("{docs}" in text or "{forum}" in text for text in texts)
    assert (tmp_path / "2.41/en/use/data-entry.md") in written
