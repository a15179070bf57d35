"""What other sites put in: the script tag and the Discourse theme component."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile

import pytest
import yaml

from kb.errors import ConfigError
from kb.types import Kind
from kb.web.widget_embed import discourse_component, script_tag
from tests.kb.web.widget_hosts import Component

SERVER = "https://search.example.net:8443/find"


def test_the_tag_names_the_script_of_the_server() -> None:
    assert (
        script_tag(f"{SERVER}/") == f'<script src="{SERVER}/widget.js" async></script>'
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "search.example.org",
        "ftp://search.example.org",
        "javascript:alert(1)",
        "https://",
        "https:///find",
        'https://x.org/"><script>',
        "https://x.org\n",
        "https://x.org/?q=1",
        "https://name:word@x.org",
        "https://x.org:port",
        "https://x.org:99999",
        "https://[::1",
        "https://пример.org",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        script_tag(url)
    with pytest.raises(ConfigError):
        discourse_component(url)


def test_the_component_is_what_discourse_installs() -> None:
    component = Component.of(SERVER)

    assert sorted(component.files) == [
        "README.md",
        "about.json",
        "common/common.scss",
        "javascripts/discourse/api-initializers/baraza.gjs",
        "javascripts/discourse/lib/baraza-panel.js",
        "locales/en.yml",
        "locales/es.yml",
        "locales/fr.yml",
        "locales/pt.yml",
        "locales/pt_BR.yml",
        "settings.yml",
    ]
    about = json.loads(component.files["about.json"])
    assert about["component"] is True
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["minimum_discourse_version"])
    assert component.settings() == {
        "server_url": SERVER,
        "minimum_characters": 15,
        "kinds": "|".join(Kind),
        "limit": 4,
        "before_category": False,
    }


def test_the_same_address_gives_the_same_bytes() -> None:
    first, again = discourse_component(SERVER), discourse_component(f"{SERVER}/")

    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()
    assert first != discourse_component("https://search.example.com")
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        assert {each.date_time[0] for each in archive.infolist()} == {1980}


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    return sorted(re.findall(r"%\{\w+\}", str(value)))


@pytest.mark.parametrize("locale", ["fr", "es", "pt", "pt_BR"])
def test_every_language_of_the_component_says_all(locale: str) -> None:
    component = Component.of(SERVER)

    assert list(yaml.safe_load(component.files[f"locales/{locale}.yml"])) == [locale]
    assert _shape(component.words(locale)) == _shape(component.words("en"))
    assert component.words(locale) != component.words("en")


def test_all_settings_are_explained() -> None:
    component = Component.of(SERVER)
    told = component.words("en")["theme_metadata"]
    assert isinstance(told, dict)

    assert set(told["settings"]) == set(component.settings())
    for name in component.settings():
        assert f"| `{name}` |" in component.files["README.md"]
