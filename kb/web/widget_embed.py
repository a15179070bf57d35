"""What sites put in to show the widget: a script tag, or a Discourse component."""

from __future__ import annotations

import html
import io
import re
import zipfile
from importlib import resources
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

from kb.errors import ConfigError

_PLACEHOLDER = "https://search.example.org"
_SETTINGS = "settings.yml"
# The oldest that a zip can say: the same component is the same bytes.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_READABLE_FILE = 0o100644 << 16
_UNIX = 3


def script_tag(public_url: str) -> str:
    """The line that shows, where it stands in a page, what is related to that page.

    Args:
        public_url: Where visitors reach the endpoint.

    Raises:
        ConfigError: It is no address of a server.

    >>> script_tag("https://search.example.org/")
    '<script src="https://search.example.org/widget.js" async></script>'
    """
    source = html.escape(f"{_address(public_url)}/widget.js")
    return f'<script src="{source}" async></script>'


def discourse_component(server_url: str) -> bytes:
    """A theme component for Discourse, as the zip that its administrators install.

    The same address gives the same bytes.

    Raises:
        ConfigError: *server_url* is no address of a server.
    """
    address = _address(server_url)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, file in sorted(_files(resources.files("kb.web") / "discourse")):
            text = file.read_text(encoding="utf-8")
            if path == _SETTINGS:
                text = text.replace(_PLACEHOLDER, address)
            info = zipfile.ZipInfo(path, _LONG_AGO)
            info.external_attr = _READABLE_FILE
            info.create_system = _UNIX
            archive.writestr(info, text)
    return packed.getvalue()


def _files(folder: Traversable, below: str = "") -> list[tuple[str, Traversable]]:
    found = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _files(each, f"{below}{each.name}/")
        else:
            found.append((f"{below}{each.name}", each))
    return found


def _address(url: str) -> str:
    # It is written into HTML, YAML and a policy: what no address needs is refused.
    if not re.fullmatch(r"https?://[\w.:\[\]~%/-]+", url, re.ASCII):
        raise ConfigError(
            "", f"expected an address such as {_PLACEHOLDER}, not {url!r}"
        )
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise ConfigError("", f"{url!r}: {exc}") from exc
    if not is_whole:
        raise ConfigError("", f"{url!r} names no server")
    return url.rstrip("/")
