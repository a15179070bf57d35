"""What goes wrong, as people read it; pure.

Who came by a browser to the search page is shown a page, too, where the page itself
cannot be made: it is as plain as can be, as nothing may be at hand to make a finer one.
"""

from __future__ import annotations

from html import escape

_PAGES = frozenset({"/", "/search"})
_FOR_SCRIPT = "/search.json"
# Addresses that people neither type nor follow; whatever is missing there, a program
# asked for it.
_FOR_PROGRAMS = ("/api/", "/static/", "/widget", _FOR_SCRIPT)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{detail}</p>
<p><a href="{search}">Back to the search page</a></p>
</main>
</body>
</html>
"""


def wants_page(path: str, accept: str, status: int) -> bool:
    """Whether a person reads it: at the search page, or at an address that is none.

    >>> wants_page("/search", "text/html, */*;q=0.8", 429)
    True
    >>> wants_page("/search", "*/*", 429), wants_page("/api/x", "text/html", 404)
    (False, False)
    >>> wants_page("/serach", "text/html", 404), wants_page("/readyz", "text/html", 503)
    (True, False)
    """
    is_lost = status == 404 and not path.startswith(_FOR_PROGRAMS)
    media_types = {
        each.partition(";")[0].strip().casefold() for each in accept.split(",")
    }
    return (path in _PAGES or is_lost) and "text/html" in media_types


def is_for_script(path: str) -> bool:
    """Whether the script of the search page asks: it shows the member *trouble*."""
    return path == _FOR_SCRIPT


def problem_page(title: str, detail: str, path: str) -> bytes:
    """A page that says it, and leads back.

    Args:
        path: Where it is shown; the link is relative to it, as a proxy may have put
            all of this below an address of its own.

    >>> page = problem_page("Not Found", "no <such> address", "/a/b").decode()
    >>> "no &lt;such&gt; address" in page, 'href="../search"' in page
    (True, True)
    """
    search = "../" * (path.count("/") - 1) + "search"
    return _PAGE.format(
        title=escape(title), detail=escape(detail), search=search
    ).encode()
