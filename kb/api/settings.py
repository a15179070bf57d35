"""How the endpoint is set up; `bot.config` reads it from the config."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What the endpoint must know beside its backend.

    Attributes:
        community: Its name, shown to people.
        languages: Of the community; the first is that of the page where a browser
            asks for none that is there.
        ask_url: Where members ask a new question, without parameters; empty: nowhere.
        public_url: Where visitors reach the endpoint, without a slash at the end;
            empty: as the request has it.
        origins: Of sites that may call the endpoint from a browser and show the
            widget, as ``https://forum.example.org``; ``*`` for all.
        requests_per_minute: Of one client; 0 for no bound.
        search_timeout_s: What takes longer is given up.
        metrics: Who sees ``/metrics``: ``open``, ``keyed`` (scope ``metrics``),
            ``off``.
    """

    community: str = "Baraza"
    languages: tuple[str, ...] = ("en",)
    ask_url: str = ""
    public_url: str = ""
    origins: tuple[str, ...] = ()
    requests_per_minute: int = 120
    search_timeout_s: float = 5.0
    metrics: str = "keyed"
