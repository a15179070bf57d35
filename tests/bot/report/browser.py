"""A real browser that looks at pages: Debian's Chromium, driven by Playwright.

It is told to fetch nothing by itself, and finds no host: a page that needs one is seen
to fail. Each start has a profile of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-first-run",
)
# All that WCAG 2.2 asks for at levels A and AA and a program can tell.
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_CONTRAST = "color-contrast"
_OFF = {"enabled": False}

Scheme = Literal["light", "dark"]


def find_chromium() -> str | None:
    """Where it is installed; ``None``: it is not."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def started(path: str) -> Iterator[Browser]:
    """The browser at *path*, without a window, as long as the context lasts."""
    with sync_playwright() as playwright:
        # As root there is no sandbox; the pages are our own.
        browser = playwright.chromium.launch(
            executable_path=path, args=list(_FLAGS), chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seen:
    """A page that is open, and what it did.

    Attributes:
        asked: Addresses that were asked for, the page's own first.
        said: On the console, errors included.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def look(self, width: int, scheme: Scheme) -> None:
        """See it on a screen of that width."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)

    def unfold(self) -> None:
        """Open all that can be opened."""
        self.page.evaluate(
            "document.querySelectorAll('details').forEach(each => each.open = true)"
        )

    def thin_out(self) -> None:
        """Keep one of all that comes in numbers: what is true of its colours is true of
        all. Drawings are not looked at anyway."""
        self.page.evaluate(
            "selector => document.querySelectorAll(selector)"
            ".forEach(each => each.remove())",
            "li + li:not(.actions > li), tr + tr, dl > div + div, svg",
        )

    def too_wide(self) -> list[str]:
        """What is cut off at the right, or makes the page scroll sideways."""
        found: list[str] = self.page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth
              const inside = each => each.closest('.wide, .hidden, svg')
              return [...document.body.querySelectorAll('*')]
                .filter(each => !inside(each) || each.matches('.wide'))
                .filter(each => each.getBoundingClientRect().right > width + 1)
                .map(each => each.outerHTML.slice(0, 200))
                .concat(document.documentElement.scrollWidth > width ? ['page'] : [])
            }"""
        )
        return found

    def barriers(self) -> list[str]:
        """What axe finds that keeps people out, contrast apart."""
        return self._axe({"runOnly": list(_RULES), "rules": {_CONTRAST: _OFF}})

    def pale(self, where: str = "body") -> list[str]:
        """What axe finds too pale to be read; it looks at each word, so it is slow."""
        return self._axe({"runOnly": [_CONTRAST]}, where)

    def _axe(self, options: Mapping[str, Any], where: str = "html") -> list[str]:
        from axe_playwright_python.base import AXE_SCRIPT

        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(AXE_SCRIPT)
        result: dict[str, Any] = self.page.evaluate(
            "([where, options]) =>"
            " axe.run(where, {resultTypes: ['violations'], ...options})",
            [where, options],
        )
        return [
            f"{violation['id']}: {node['target']} {node['html'][:300]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]

    def focused(self) -> str:
        """What the keyboard would act on, as text."""
        text: str = self.page.evaluate("document.activeElement.innerText")
        return " ".join(text.split())


@contextmanager
def opened(browser: Browser, file: Path) -> Iterator[Seen]:
    """The page of a *file*, in a window that knows nothing of others."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        seen = Seen(context.new_page())
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.page.goto(file.as_uri())
        yield seen
    finally:
        context.close()
