"""Pictures of answered threads, as people see them: four languages, desktop and phone,
by day and by night.

    python benchmarks/threads.py --out FOLDER [--chromium chromium]

The sample community runs here; a question is asked in each language and answered by
the bot with the real model. A browser that understands ``--headless`` and
``--screenshot`` takes the pictures: Chromium, of Debian's package of that name.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx
from sample import BOT, KEY, SECRET, questions, write_config

from bot.app import App
from bot.config import load_config
from bot.sandbox import Sandbox

# Browsers without a window are no narrower than 500 pixels; a frame may be.
_PHONE, _DESKTOP = 390, 1200
_FRAME = (
    "<!doctype html><style>body{margin:0}</style>"
    '<iframe src="%s" style="border:0;width:%dpx;height:%dpx"></iframe>'
)
_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
    " --hide-scrollbars"
)


def ask(app: App, box: Sandbox) -> dict[str, str]:
    """Addresses of answered threads, by language."""
    first = next(q for q in questions("demo") if q["language"] == "en")
    asked = {}
    with app.responder() as responder:
        responder.watch()
        for question in (first, *questions("own")):
            language = question["language"]
            asked[language] = box.community.add_topic(
                question["title"],
                question["raw"],
                user=f"asker_{language}",
                category="support",
            )
        responder.watch()
    bot = box.community.user(BOT).id
    for language, topic in asked.items():
        if not any(p.user_id == bot for p in box.community.posts_of(topic.id)):
            raise SystemExit(f"the question in {language} was not answered")
    return {
        language: f"{box.url}/t/{topic.slug}/{topic.id}"
        for language, topic in asked.items()
    }


def take(
    browser: str, url: str, picture: Path, *, width: int, height: int, dark: bool
) -> None:
    """One picture of a page.

    Of a copy: a page from a disk must not frame one from a server on this machine.
    """
    html = httpx.get(url, headers={"Accept": "text/html"}, trust_env=False).text
    with tempfile.TemporaryDirectory() as profile:
        frame, copy = Path(profile) / "frame.html", Path(profile) / "page.html"
        copy.write_text(html, "utf-8")
        frame.write_text(_FRAME % (copy.name, width, height), "utf-8")
        subprocess.run(
            [
                browser,
                *_OPTIONS.split(),
                f"--user-data-dir={profile}/profile",
                f"--window-size={max(width, 500)},{height}",
                # 0 is dark, 1 is light.
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                f"--screenshot={picture}",
                frame.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chromium", default="chromium")
    options = parser.parse_args()
    browser = shutil.which(options.chromium)
    if browser is None:
        raise SystemExit(f"{options.chromium} is not installed: name it by --chromium")
    out = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Sandbox() as box:
        os.environ[KEY] = box.key_for(BOT)
        os.environ[SECRET] = "a secret of the benchmark"
        app = App(load_config(write_config(Path(name), box, resources=True)))
        for source in app.sources.names():
            app.harvest(source)
        app.index()
        for language, url in ask(app, box).items():
            for device, width, height in (
                ("desktop", _DESKTOP, 1500),
                ("phone", _PHONE, 2200),
            ):
                for dark in (False, True):
                    light = "dark" if dark else "light"
                    picture = out / f"{language}-{device}-{light}.png"
                    take(browser, url, picture, width=width, height=height, dark=dark)
                    print(picture)


if __name__ == "__main__":
    main()
