"""The reading half of HTTP, which is all that a harvester gets.

Writing needs `indexer.channel.Channel`, which the bot alone uses.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from indexer.answers import Answer, is_login_page
from indexer.channel import Channel, ChannelOptions, Params
from kb.errors import ForumProtocolError, ForumRejectedError

log = logging.getLogger(__name__)


class Transport:
    """Reads from one site and can do nothing else; arguments as for `Channel`."""

    def __init__(self, base_url: str, **options: Unpack[ChannelOptions]) -> None:
        self._channel = Channel(base_url, **options)

    @property
    def base_url(self) -> str:
        return self._channel.base_url

    @property
    def requests(self) -> int:
        """How many requests were sent; see `Channel.requests`."""
        return self._channel.requests

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Read *path*; errors as for `Channel.request`."""
        return self._channel.request("GET", path, params=params, headers=headers)

    def get_from_root(
        self, path: str, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Read *path* of the site, wherever on it the base lies.

        Returns:
            Also a 304, when *headers* ask for what changed since.

        Raises:
            As `Channel.request`.
        """
        return self._channel.request("GET", path, headers=headers, from_root=True)

    def look(self, path: str, *, method: Literal["HEAD", "GET"] = "HEAD") -> Answer:
        """How the site answers for *path*, from its root; see `Channel.look`."""
        return self._channel.look(method, path)

    def get_json(
        self,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Read JSON; an answer that does not parse is asked for once more.

        Raises:
            ForumRejectedError: The site led us to its login page (besides the
                errors of `Channel.request`).
            ForumProtocolError: The body is not JSON in UTF-8, twice.
        """
        try:
            return self._parsed(path, params, headers)
        except ForumProtocolError as exc:
            # Proxies cut bodies short without a sign of it, mostly just once.
            if not isinstance(exc.__cause__, ValueError):
                raise
            log.warning("read again: %s", exc)
            # Whole: what is remembered is the broken one.
            return self._parsed(path, params, headers, fresh=True)

    def _parsed(
        self,
        path: str,
        params: Params | None,
        headers: Mapping[str, str] | None,
        *,
        fresh: bool = False,
    ) -> Any:
        answer = self._channel.request(
            "GET", path, params=params, headers=headers, fresh=fresh
        )
        if is_login_page(answer.url):
            raise ForumRejectedError(
                answer.url, 403, "asks for a login", error_type="not_logged_in"
            )
        try:
            return json.loads(answer.body.decode("utf-8"))
        except UnicodeDecodeError as exc:
            raise ForumProtocolError(
                answer.url, f"is not UTF-8 at byte {exc.start}"
            ) from exc
        except json.JSONDecodeError as exc:
            raise ForumProtocolError(
                answer.url,
                f"is not JSON: {exc.msg} at character {exc.pos} of {len(exc.doc)}",
            ) from exc
        except RecursionError as exc:
            raise ForumProtocolError(answer.url, "JSON nested too deeply") from exc
        except ValueError as exc:
            # The only other thing that Python's reader refuses.
            raise ForumProtocolError(
                answer.url, "is not JSON that can be read: a number has too many digits"
            ) from exc

    def get_text(
        self,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Read text, in the answer's own charset, else UTF-8.

        Raises:
            ForumProtocolError: It does not decode (besides `Channel.request`'s).
        """
        answer = self.get(path, params, headers=headers)
        try:
            return answer.body.decode(answer.charset)
        except (UnicodeDecodeError, LookupError) as exc:
            raise ForumProtocolError(
                answer.url, f"is not text in {answer.charset}"
            ) from exc

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
