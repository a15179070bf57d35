"""Where the endpoint is, for what has to name itself: never what a stranger made up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from kb.api.asking import cleaned

_MAX_HOST_CHARS = 260
# A name, an address, or an address of IPv6 in brackets; a port may follow. Nothing that
# means something in a header, in HTML, in XML or in a URL.
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::[0-9]{1,5})?"
)
# By the specification.
_SHORT_CHARS, _LONG_CHARS = 16, 48


def is_host(text: str) -> bool:
    """Whether it can be what a ``Host`` header says.

    >>> [is_host(each) for each in ("example.org", "a_b:8080", "[::1]:80", "127.0.0.1")]
    [True, True, True, True]
    >>> [is_host(each) for each in ("", "a b", "a/b", "a@b", "a:b", "[x]", "é.org")]
    [False, False, False, False, False, False, False]
    """
    return len(text) <= _MAX_HOST_CHARS and _HOST.fullmatch(text) is not None


def host_problem(hosts: Sequence[bytes], http_version: str) -> str:
    """Why a request cannot be meant for anybody (RFC 9112, section 3.2); empty: it can.

    >>> host_problem([b"example.org"], "1.1"), host_problem([], "1.0")
    ('', '')
    >>> host_problem([], "1.1"), host_problem([b"a", b"b"], "1.1")
    ('no Host header', 'more than one Host header')
    """
    if not hosts:
        return "no Host header" if http_version == "1.1" else ""
    if len(hosts) > 1:
        return "more than one Host header"
    return "" if is_host(hosts[0].decode("latin-1")) else "the Host header is no host"


def base_url(scope: Any, public_url: str) -> str:
    """The address of the endpoint for its visitors, without a slash at the end.

    Args:
        scope: Of a request, whose ``Host`` was looked at by `host_problem`.
        public_url: Of the settings, which counts.
    """
    if public_url:
        return public_url.rstrip("/")
    named = [value for name, value in scope["headers"] if name == b"host"]
    host = named[0].decode("latin-1") if named else ""
    if not is_host(host):
        # HTTP/1.0 has none.
        server, port = scope.get("server") or ("localhost", None)
        shown = f"[{server}]" if ":" in server else server
        host = f"{shown}:{port}" if port else shown
    scheme = "https" if scope.get("scheme") == "https" else "http"
    return f"{scheme}://{host}"


def opensearch(base: str, community: str) -> str:
    """A description by which browsers add the search page to their search engines.

    See https://github.com/dewitt/opensearch, draft 6.
    """
    name = " ".join(cleaned(community).split()) or "Baraza"
    short, long = escape(name[:_SHORT_CHARS]), escape(name[:_LONG_CHARS])
    page, answers = f"{base}/search", f"{base}/api/search"
    quote = {'"': "&quot;"}
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">\n'
        f"  <ShortName>{short}</ShortName>\n"
        f"  <LongName>{long}</LongName>\n"
        f"  <Description>{escape(name)}</Description>\n"
        "  <InputEncoding>UTF-8</InputEncoding>\n"
        '  <Url type="text/html" '
        f'template="{escape(page, quote)}?q={{searchTerms}}"/>\n'
        '  <Url type="application/json" '
        f'template="{escape(answers, quote)}?q={{searchTerms}}"/>\n'
        "</OpenSearchDescription>\n"
    )
