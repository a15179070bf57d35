"""Sites that show the widget, in a browser: a page of somebody, and a composer.

The composer is *not* Discourse: it stands in for the little of it that the theme
component uses. It has the elements that its style names, `apiInitializer`,
`renderInOutlet`, `modifier` (installed once, run again when an argument changes, torn
down with its element), `i18n`, `settings` and `themePrefix`, and a model with the
properties that are read. The component's own files are what runs; of its initializer
the one ``<template>`` is read as Discourse's compiler would, as far as it goes: an
element with modifiers.
"""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright

from kb.api.backend import Backend
from kb.api.desk import Desk
from kb.api.settings import ApiSettings
from kb.web.widget import add_widget
from kb.web.widget_embed import discourse_component

_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    # What is not on this machine is not found.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

Page = tuple[str, str]
"""Its media type and its text."""


@contextmanager
def browsing(path: str) -> Iterator[Browser]:
    """The browser at *path*; it finds this machine, and no other."""
    with sync_playwright() as playwright:
        # As root there is no sandbox of its own; the pages are ours.
        browser = playwright.chromium.launch(
            executable_path=path, args=list(_FLAGS), chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


def widget_app(
    backend: Backend, settings: ApiSettings, *, timeout_s: float = 20
) -> FastAPI:
    """The widget alone, with a desk to search at that has one place, and no queue."""
    app = FastAPI()
    app.state.related_desk = Desk(
        "widget", at_once=1, waiting=0, wait_s=1, timeout_s=timeout_s
    )
    add_widget(app, backend, settings)
    return app


@dataclass
class Site:
    """Serves pages from memory, under an origin of its own.

    Attributes:
        headers: Sent with each page.
    """

    pages: dict[str, Page] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def put(self, path: str, text: str, media_type: str = "text/html") -> str:
        """Gives the address."""
        self.pages[path] = (media_type, text)
        return self.url + path


@contextmanager
def site() -> Iterator[Site]:
    """A site on a free port."""
    opened = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            media_type, text = opened.pages.get(path, ("text/plain", ""))
            body = text.encode()
            self.send_response(200 if path in opened.pages else 404)
            self.send_header("Content-Type", f"{media_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            for name, value in opened.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    opened.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield opened
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def somebodys_page(
    body: str, *, title: str = "Backups", head: str = "", language: str = "en"
) -> str:
    """A plain page with something in it."""
    return f"""<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<link rel="icon" href="data:,">{head}
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 2rem auto; max-width: 42rem; padding: 0 1rem;
  font: 1rem/1.6 Georgia, serif }}
</style>
<body><h1>Restore a server</h1>
<p>A backup that was never restored is only a hope. This page tells how we try ours,
once a month, on a machine that nobody misses.</p>
{body}
<p id="end">Last changed in March.</p></body></html>"""


_MODULES = {
    "ember-modifier": """
export const modifier = (run) => ({ run });
""",
    "discourse/lib/api": """
export const apiInitializer = (initialize) => ({ initialize });
""",
    "discourse-i18n": """
export const i18n = (key, options = {}) => {
  const found = key.split(".").reduce((at, each) => at?.[each], window.translations);
  const text = found?.[options.count === 1 ? "one" : "other"] ?? found ?? key;
  return String(text).replace("%{count}", options.count);
};
""",
    "harness/template": """
// <div class="…" {{one}} {{two @outletArgs.model @outletArgs.model.title}}></div>
export const template = (source, scope) => ({
  insert(place, args) {
    const [, name] = source.match(/class="([^"]*)"/);
    const element = document.createElement("div");
    element.className = name;
    place.append(element);
    const modifiers = [...source.matchAll(/{{(\\S+?)((?:\\s+@[\\w.]+)*)\\s*}}/g)].map(
      ([, called, paths]) => ({
        run: scope[called].run,
        paths: paths.trim().split(/\\s+/).filter(Boolean),
        last: null,
        leave: null,
      }),
    );
    const read = (path) =>
      path.slice(1).split(".").reduce((at, each) => at?.[each], { outletArgs: args });
    const render = () => {
      for (const each of modifiers) {
        const values = each.paths.map(read);
        if (each.last && values.every((value, at) => value === each.last[at])) continue;
        each.leave?.();
        each.last = values;
        each.leave = each.run(element, values, {});
      }
    };
    render();
    return {
      render,
      remove() {
        for (const each of modifiers) each.leave?.();
        element.remove();
      },
    };
  },
});
""",
}

_COMPOSER = """<!doctype html>
<html lang="LANG" class="composer-has-preview" style="--scheme-type: SCHEME">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Composer</title><link rel="icon" href="data:,">
<script type="importmap">IMPORTS</script>
<style>
:root { --primary: #222; --primary-low: #ddd; --primary-very-low: #f6f6f6;
  --secondary: #fff; --tertiary: #0067b8; color-scheme: SCHEME }
:root[style*="dark"] { --primary: #ddd; --primary-low: #444;
  --primary-very-low: #2a2a2a;
  --secondary: #1c1c1c; --tertiary: #6fb5f2 }
body { margin: 0; background: var(--secondary); color: var(--primary);
  font: 15px/1.4 system-ui, sans-serif }
button { color: inherit }
#main { padding: 1rem }
#reply-control { position: fixed; inset: auto 0 0 0; display: flex; height: 30rem;
  margin: auto; max-width: 1100px; flex-direction: column; background: var(--secondary);
  border-top: 8px solid var(--tertiary); box-shadow: 0 0 30px rgb(0 0 0 / 25%) }
.reply-area { display: flex; flex-direction: column; flex: 1; min-height: 0;
  padding: 0.5rem 0.75rem; gap: 0.5rem }
.columns { display: flex; flex: 1; gap: 1rem; min-height: 0 }
.columns > * { flex: 1; min-width: 0 }
.write { display: flex; flex-direction: column; gap: 0.5rem }
input, select, textarea { font: inherit; padding: 0.4rem; background: transparent;
  color: inherit; border: 1px solid var(--primary-low) }
textarea { flex: 1; min-height: 3rem; resize: none }
@media (max-width: 850px) { .preview { display: none } #reply-control { height: 100% } }
COMPONENT_STYLE
</style>
<body><div id="main"><h1>Community</h1><p>Latest topics</p></div>
<div id="reply-control"><div class="reply-area" role="dialog" aria-label="Composer">
<div>Create a new topic</div>
<div class="columns"><div class="write">
<input id="reply-title" aria-label="Title">
<select id="category" aria-label="Category"></select>
<textarea aria-label="Text"></textarea></div><div class="preview"></div></div>
<span id="outlet"></span>
<div class="submit-panel"><button>Create Topic</button></div>
</div></div>
<script type="module">
import initializer from "baraza/api-initializers/baraza";
const categories = {
  support: { id: 1, read_restricted: false },
  staff: { id: 2, read_restricted: true },
  unsaid: { id: 3 },
};
const model = {
  action: "createTopic", title: "", reply: "", topic: null, category: null,
  get creatingTopic() { return this.action === "createTopic" },
  get privateMessage() {
    const isOfTopic = this.topic?.archetype === "private_message";
    return this.action === "privateMessage" || isOfTopic;
  },
  get categoryId() { return this.category?.id ?? null },
};
const [title, text] = document.querySelectorAll("#reply-title, textarea");
const preview = document.querySelector(".preview");
const choice = document.querySelector("#category");
for (const name of ["", ...Object.keys(categories)]) choice.add(new Option(name));
const outlets = {};
let shown = null;
const composer = {
  model,
  open(action = "createTopic", category = "support") {
    Object.assign(model, { action, category: categories[category] ?? null });
    choice.value = category;
    const place = document.querySelector("#outlet");
    shown = outlets["composer-after-composer-editor"].insert(place, { model });
  },
  close() { shown.remove() },
};
title.oninput = () => { model.title = title.value; shown.render() };
text.oninput = () => {
  model.reply = preview.textContent = text.value;
  shown.render();
};
choice.onchange = () => {
  model.category = categories[choice.value] ?? null;
  shown.render();
};
initializer.initialize({ renderInOutlet: (name, made) => { outlets[name] = made } });
window.composer = composer;
</script>
</body></html>"""


@dataclass(frozen=True)
class Component:
    """A theme component as Discourse unpacks it, by path."""

    files: Mapping[str, str]

    @classmethod
    def of(cls, server_url: str) -> Component:
        archive = zipfile.ZipFile(io.BytesIO(discourse_component(server_url)))
        names = archive.namelist()
        return cls({name: archive.read(name).decode() for name in names})

    def settings(self, **changes: object) -> dict[str, object]:
        """Their defaults, and what an administrator changed."""
        declared = yaml.safe_load(self.files["settings.yml"])
        return {name: each["default"] for name, each in declared.items()} | changes

    def words(self, locale: str) -> dict[str, object]:
        found: dict[str, object] = yaml.safe_load(self.files[f"locales/{locale}.yml"])[
            locale
        ]
        return found


def put_composer(
    shop: Site,
    component: Component,
    *,
    locale: str = "en",
    scheme: str = "light",
    **settings: object,
) -> str:
    """A page with a composer that has the *component*; gives its address."""
    given = "".join(
        f"const {name} = {value};\n"
        for name, value in (
            ("settings", json.dumps(component.settings(**settings))),
            ("themePrefix", "(key) => key"),
        )
    )
    imports = {}
    for name, text in _MODULES.items():
        imports[name] = shop.put(f"/{name}.js", text, "text/javascript")
    for path, text in component.files.items():
        if path.startswith("javascripts/"):
            served = re.sub(r"\.gjs$", "", path.removeprefix("javascripts/discourse/"))
            served = served.removesuffix(".js")
            imports[f"baraza/{served}"] = shop.put(
                f"/theme/{served}", given + _compiled(text), "text/javascript"
            )
    words = f"<script>window.translations = {json.dumps(component.words(locale))}"
    page = (
        _COMPOSER.replace("IMPORTS", json.dumps({"imports": imports}))
        .replace("COMPONENT_STYLE", component.files["common/common.scss"])
        .replace("LANG", locale.replace("_", "-"))
        .replace("SCHEME", scheme)
        .replace("<script type=", f"{words}</script><script type=", 1)
    )
    return shop.put("/composer", page)


def _compiled(gjs: str) -> str:
    """A module as a browser takes it: the template becomes a call."""
    found = re.search(r"<template>(.*?)</template>", gjs, re.DOTALL)
    if found is None:
        return gjs
    names = ", ".join(re.findall(r"{{(\w+)", found[1]))
    call = f"template({json.dumps(found[1].strip())}, {{ {names} }})"
    head = 'import { template } from "harness/template";\n'
    return head + gjs[: found.start()] + call + gjs[found.end() :]
