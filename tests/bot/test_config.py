"""The configuration: what is accepted, and one clear line for what is not."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from bot.config import Config, load_config, parse_config, secret
from bot.config_fields import Section
from bot.config_sources import (
    ArchiveSource,
    ForumSource,
    MarkdownSource,
    Source,
    TermsSource,
    VideosSource,
    WebsiteSource,
)
from kb.errors import ConfigError
from kb.types import Kind

ROOT = Path(__file__).resolve().parents[2]

MINIMAL: dict[str, Any] = {
    "community": {"name": "Example", "contact": "ops@example.org"},
    "sources": {"forum": {"type": "forum", "url": "https://forum.example"}},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """`MINIMAL` with one value set, sections made on the way."""
    data: dict[str, Any] = yaml.safe_load(yaml.safe_dump(MINIMAL))
    *sections, last = path.split(".")
    inner = data
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[last] = value
    return data


def parsed(path: str = "community.name", value: object = "Example") -> Config:
    return parse_config(changed(path, value), folder=Path("/srv/baraza"))


def error(path: str, value: object) -> str:
    with pytest.raises(ConfigError) as refused:
        parsed(path, value)
    return str(refused.value)


# -- what is accepted ------------------------------------------------------


def test_defaults_are_safe() -> None:
    config = parsed()

    assert config.bot.mode == "shadow"
    assert config.bot.max_links == 5
    assert config.serve.host == "127.0.0.1"
    assert config.data_dir == Path("/srv/baraza/data")
    assert config.community.languages == ["en"]


def test_a_model_in_a_folder_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "models" / "own").mkdir(parents=True)
    data = changed("embedding.model", "models/own") | {
        "chunking": {"tokenizer": "models/own"}
    }

    config = parse_config(data, folder=tmp_path)

    own = str(tmp_path / "models" / "own")
    assert (config.embedding.model, config.chunking.tokenizer) == (own, own)


@pytest.mark.parametrize(
    "name", ["packaged", "hashing", "org/model", "~nobody-here/x", "a\0b", "x" * 9999]
)
def test_what_is_no_folder_is_the_name_of_a_model(name: str, tmp_path: Path) -> None:
    (tmp_path / "packaged").mkdir()
    (tmp_path / "hashing").mkdir()

    config = parse_config(changed("embedding.model", name), folder=tmp_path)

    assert config.embedding.model == name


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("multilingual", "maybe", """expected 'auto', True or False, got "maybe\""""),
        ("query_prompt", 3, "expected text, got 3"),
        ("passage_prompt", ["a"], "expected text, got a list"),
    ],
)
def test_a_bad_word_on_a_model_names_its_key(
    key: str, value: object, message: str
) -> None:
    assert error(f"embedding.{key}", value) == f"embedding.{key}: {message}"


def test_relative_paths_start_at_the_folder_of_the_file() -> None:
    docs = {"type": "markdown", "path": "docs", "base_url": "https://docs.example"}
    archive = {
        "type": "archive",
        "path": "/var/topics.jsonl",
        "forum_url": "https://forum.example",
    }

    config = parsed("sources", {"docs": docs, "history": archive})

    source, history = config.sources["docs"], config.sources["history"]
    assert isinstance(source, MarkdownSource)
    assert isinstance(history, ArchiveSource)
    assert source.path == Path("/srv/baraza/docs")
    assert history.path == Path("/var/topics.jsonl")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
    ],
)
def test_time_spans_are_written_with_a_unit(text: str, span: timedelta) -> None:
    assert parsed("bot.max_topic_age", text).bot.max_topic_age == span


def test_kinds_are_written_as_words() -> None:
    limits = parsed("bot.max_per_kind", {"thread": 2, "docs": 0}).bot.max_per_kind

    assert limits == {Kind.THREAD: 2, Kind.DOCS: 0}


def test_a_slash_at_the_end_of_an_address_makes_no_difference() -> None:
    config = parsed("sources.forum.url", "https://forum.example/")

    source = config.sources["forum"]
    assert isinstance(source, ForumSource)
    assert source.url == "https://forum.example"


def test_the_user_agent_names_us_and_the_contact() -> None:
    assert re.fullmatch(r"Baraza/[\d.]+ \(\+ops@example\.org\)", parsed().user_agent)


def forum_with(**keys: object) -> ForumSource:
    source = {"type": "forum", "url": "https://forum.example", **keys}
    found = parsed("sources.forum", source).sources["forum"]
    assert isinstance(found, ForumSource)
    return found


@pytest.mark.parametrize(
    ("keys", "rate"),
    [
        ({}, 0.5),
        ({"api_key_env": "KEY"}, 0.5),
        ({"user_api_key_env": "KEY"}, 0.3),
        ({"user_api_key_env": "KEY", "requests_per_second": 0.6}, 0.6),
        ({"requests_per_second": 2}, 2.0),
    ],
)
def test_the_rate_suits_the_kind_of_key_unless_it_is_set(
    keys: dict[str, object], rate: float
) -> None:
    assert forum_with(**keys).rate == rate


def test_a_forum_is_read_politely_unless_told_otherwise() -> None:
    source = forum_with()

    assert source.respect_robots
    assert source.heavy_hours is None
    assert source.full_walk_every == timedelta(days=1)
    assert (source.recrawl_per_day, source.max_age) == (2000, timedelta(days=14))


def test_quiet_hours_are_read_as_such() -> None:
    hours = forum_with(heavy_hours="22:00-06:00").heavy_hours

    assert str(hours) == "22:00-06:00"


def test_the_config_that_comes_with_the_program_is_valid() -> None:
    config = load_config(ROOT / "config.yaml")

    assert config.bot.mode == "shadow"
    assert config.bot.forum == "community"
    assert set(config.schedule.refresh) <= set(config.sources)


@pytest.mark.parametrize("file", ["config.yaml", "benchmarks/slicer.yaml"])
def test_versions_of_a_documentation_page_are_one_thing_to_link_to(file: str) -> None:
    """As Read the Docs and many others write them: host, language, version, page."""
    rules = load_config(ROOT / file).links.rules()
    page = "docs.example.org/en/any/guide/maps.html"

    for version in ("latest", "stable", "master", "main", "5.6", "v4", "v4.1.2", "41"):
        url = f"https://docs.example.org/en/{version}/guide/maps.html#zoom"
        assert rules.key(url) == page
        assert rules.key(url.replace("/en/", "/pt-br/")) != page
    assert rules.key("https://docs.example.org/en/latest/") == "docs.example.org/en/any"


@pytest.mark.parametrize(
    "rest",
    ["", "/", "/about", "/jump_to_id/766710ba", "/courseware/a/b/?activate_block_id=c"],
)
def test_whatever_part_of_a_course_is_linked_it_is_that_course(rest: str) -> None:
    rules = load_config(ROOT / "config.yaml").links.rules()
    course = "academy.example.org/courses/course-v1:HISP+D1+2024"

    assert rules.key(f"https://{course}{rest}") == course
    assert rules.key(f"https://{course}X{rest}") != course


@pytest.mark.parametrize("file", ["config.yaml", "benchmarks/slicer.yaml"])
@pytest.mark.parametrize(
    "url",
    [
        "https://docs.example.org/en/guide/maps.html",
        "https://docs.example.org/en/latest-news/maps.html",
        "https://example.org/guide/en/latest/maps.html",
        "https://example.org/kb/1041",
        "https://example.org/kb/10415/maps.html",
        "https://forum.example.org/t/812/4",
    ],
)
def test_what_only_looks_like_a_version_stays(file: str, url: str) -> None:
    rules = load_config(ROOT / file).links.rules()

    assert rules.key(url) == url.removeprefix("https://")


def test_every_key_is_documented_in_the_config_that_comes_with_the_program() -> None:
    """Each key of each section stands in config.yaml, maybe commented out."""
    text = (ROOT / "config.yaml").read_text("utf-8")
    written = set(re.findall(r"^[ #-]*([a-z_]+):", text, re.MULTILINE))
    written |= set(re.findall(r"{(every|cron):", text))

    assert _keys_of(Config) - written == set()


def _keys_of(model: Any) -> set[str]:
    sections: list[Any] = [Section]
    for section in sections:
        sections += [each for each in section.__subclasses__() if each not in sections]
    assert model in sections
    return {name for section in sections for name in section.model_fields}


# -- what is not -----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "serch",
            {},
            "serch: unknown key (did you mean search?)",
        ),
        (
            "search.dept",
            5,
            "search.dept: unknown key (did you mean depth?)",
        ),
        ("search.depth", "many", 'search.depth: expected a whole number, got "many"'),
        ("search.depth", True, "search.depth: expected a whole number, got true"),
        ("chunking", 5, "chunking: expected keys and values, got 5"),
        (
            "bot.mode",
            "loud",
            "bot.mode: expected 'off', 'shadow', 'draft', 'whisper' or 'public', got "
            '"loud"',
        ),
        (
            "bot.max_topic_age",
            "soon",
            "bot.max_topic_age: expected a time span such as 90s, 15m, 2h or 7d, "
            'got "soon"',
        ),
        (
            "bot.max_topic_age",
            "0s",
            "bot.max_topic_age: expected a time span such as 90s, 15m, 2h or 7d, "
            'got "0s"',
        ),
        (
            "bot.forum",
            "elsewhere",
            "bot.forum: expected a forum under sources, got 'elsewhere'",
        ),
        ("bot.mode", "public", "bot: mode public needs both forum and api_key_env"),
        (
            "bot.api_key_env",
            "s3cr3t-key",
            "bot.api_key_env: expected the name of an environment variable: no secret",
        ),
        (
            "sources.forum.url",
            "forum.example",
            "sources.forum.url: expected an address that starts with https:// or "
            'http://, got "forum.example"',
        ),
        (
            "sources.forum.type",
            "nntp",
            "sources.forum: type: expected one of 'forum', 'archive', 'markdown', "
            "'website', 'courses', 'videos', 'terms', got nntp",
        ),
        (
            "schedule.refresh",
            {"wiki": {"every": "5m"}},
            "schedule.refresh.wiki: expected the name of a source",
        ),
        (
            "schedule.index",
            {"every": "5m", "cron": "* * * * *"},
            "schedule.index: expected either every or cron",
        ),
        (
            "schedule.watch",
            {"every": "99999999999d"},
            "schedule.watch.every: expected a time span of at most 36500d, got",
        ),
        (
            "bot.max_topic_age",
            "36501d",
            "bot.max_topic_age: expected a time span of at most 36500d, got",
        ),
        ("embedding.model", "", "embedding.model: expected"),
        ("data_dir", "a\0b", "data_dir: expected a path without NUL"),
        (
            "community.contact",
            "café@example.org",
            "community.contact: expected plain ASCII, as HTTP headers need it, got",
        ),
        (
            "community.contact",
            "a\nX-Evil: 1",
            "community.contact: expected plain ASCII, as HTTP headers need it, got",
        ),
        (
            "sources.forum.url",
            "https://jo:s3cr3t@forum.example",
            "sources.forum.url: expected an address without name and password",
        ),
        (
            "sources.forum.url",
            "https://forum.example:99999",
            "sources.forum.url: expected an address with a valid host and port",
        ),
        (
            "sources.forum.url",
            "http://[::1",
            "sources.forum.url: expected an address with a valid host and port",
        ),
        (
            "links.hosts",
            {"https://old.example": "new.example"},
            "links.hosts: expected hosts without https:// and path",
        ),
        (
            "links.hosts",
            {"a.example": "b.example", "b.example": "c.example"},
            "links: b.example is both an old host and a new one",
        ),
        (
            "links.fold",
            [{"pattern": "v(41)", "replace": r"\2"}],
            "links.fold[0]: expected a replace that fits its pattern",
        ),
        (
            "schedule.timezone",
            "Mars/Olympus",
            "schedule.timezone: expected a time zone such as Africa/Nairobi, "
            'got "Mars/Olympus"',
        ),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_key(
    path: str, value: object, message: str
) -> None:
    found = error(path, value)

    assert found.startswith(message)
    assert "\n" not in found


def test_a_secret_in_place_of_its_name_is_not_repeated() -> None:
    assert "s3cr3t" not in error("bot.api_key_env", "s3cr3t-key")
    assert "eebe2e" not in error("bot.api_key_env", "eebe2eae4aed" * 5)


def test_a_password_in_an_address_is_not_repeated() -> None:
    assert "s3cr3t" not in error("sources.forum.url", "https://jo:s3cr3t@forum.example")


def test_mode_off_may_be_written_without_quotes(tmp_path: Path) -> None:
    """YAML takes a bare off for false."""
    path = write(
        tmp_path / "config.yaml",
        "community: {name: A, contact: you@localhost}\nbot: {mode: off}\n"
        "search: {bridge: off}\n",
    )

    config = load_config(path)

    assert (config.bot.mode, config.search.bridge) == ("off", "off")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config({"sources": MINIMAL["sources"]}, folder=Path())

    assert str(refused.value) == "community: missing, and it has no default"


def test_a_playlist_may_be_named_by_its_id_alone() -> None:
    videos = parsed(
        "sources.videos",
        {"type": "videos", "playlists": ["PLone", {"id": "PLtwo", "language": "fr"}]},
    ).sources["videos"]

    assert isinstance(videos, VideosSource)
    assert [(p.id, p.language) for p in videos.playlists] == [
        ("PLone", None),
        ("PLtwo", "fr"),
    ]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"pattern": "("}, "pattern: expected a regular expression"),
        ({"pattern": "a"}, "expected a group named language or version"),
        (
            {"pattern": "(?P<language>a)", "version": "2"},
            "expected a group named version",
        ),
        (
            {"pattern": "(?P<version>a)", "version": r"\g<minor>"},
            "expected a version that fits its pattern",
        ),
    ],
)
def test_a_rule_of_addresses_that_could_tell_nothing_is_refused(
    rule: dict[str, str], problem: str
) -> None:
    website = {"type": "website", "url": "https://docs.example", "rules": [rule]}

    assert problem in error("sources.docs", website)


def test_addresses_on_a_website_are_kept_as_they_are() -> None:
    named = ["https://a.example/about/", "https://a.example/?feed=rss2"]
    website = {"type": "website", "url": "https://a.example/", "pages": named}

    source = parsed(
        "sources.docs", website | {"feeds": named, "sitemaps": named}
    ).sources["docs"]

    assert isinstance(source, WebsiteSource)
    assert source.url == "https://a.example"
    assert [source.pages, source.feeds, source.sitemaps] == [named] * 3


@pytest.mark.parametrize(
    ("key", "address", "problem"),
    [
        ("url", "https://a.example/?p=1", "expected an address without a query"),
        ("feeds", ["a.example"], "expected an address that starts with https://"),
        ("pages", ["https://me:pw@a.example/"], "without name and password"),
    ],
)
def test_what_is_no_address_on_the_web_is_refused(
    key: str, address: object, problem: str
) -> None:
    website = {"type": "website", "url": "https://a.example", key: address}

    assert problem in error("sources.docs", website)
    assert "pw@" not in error("sources.docs", website)


def test_a_rule_of_addresses_may_begin_with_flags() -> None:
    rule = {"pattern": r"(?i)/core-(?P<version>2(?P<m>\d\d))/", "version": r"2.\g<m>"}
    website = {"type": "website", "url": "https://docs.example", "rules": [rule]}

    source = parsed("sources.docs", website).sources["docs"]

    assert isinstance(source, WebsiteSource)
    assert source.rules[0].pattern == rule["pattern"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({"type": "videos"}, "expected at least one id under playlists"),
        (
            {"type": "courses", "url": "https://a.example", "catalogue": False},
            "expected a folder under exports, or catalogue: true",
        ),
        ({"type": "terms"}, "expected a path, or an address under urls"),
    ],
)
def test_a_source_that_would_read_nothing_is_refused(
    source: dict[str, Any], problem: str
) -> None:
    assert problem in error("sources.resources", source)
    parsed("sources.resources", {**source, "enabled": False})


def test_a_key_of_another_type_of_source_is_not_guessed_to_be_itself() -> None:
    website = {"type": "website", "url": "https://a.example", "playlists": ["PLx"]}

    assert error("sources.docs", website) == (
        "sources.docs.playlists: unknown key here: it belongs to another section, or "
        "to another type of source"
    )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"rules": [{"pattern": "/fr/"}]}, "rules[0].pattern: expected a group named"),
        ({"columns": {"A": "french"}}, "columns: A: expected key, language, text or"),
        ({"columns": {"A": "txt"}}, "columns: A: expected key, language, text or"),
        ({"language": "txt"}, "language: expected the code of a language"),
        ({"language": "pt_BR"}, "language: expected the code of a language"),
        ({"urls": ["https://me:pw@a.example/fr.po"]}, "without name and password"),
    ],
)
def test_what_a_source_of_terms_cannot_use_is_refused(
    settings: dict[str, Any], problem: str
) -> None:
    source = {"type": "terms", "path": "i18n", **settings}

    assert problem in error("sources.terms", source)


def test_a_source_of_terms_reads_a_folder_or_addresses() -> None:
    source = {
        "type": "terms",
        "urls": ["https://a.example/i18n/fr.po?raw=1"],
        "rules": [{"pattern": "/(?P<language>[a-z]{2})/"}],
        "columns": {"Term": "en", "Termo": "pt-BR", "Id": "key"},
        "language": "es-419",
    }

    found = parsed("sources.terms", source).sources["terms"]

    assert isinstance(found, TermsSource)
    assert found.path is None
    assert found.columns == source["columns"]


def test_all_types_of_sources_are_named_where_none_is() -> None:
    message = error("sources.docs", {"url": "https://a.example"})

    types = get_args(get_args(Source)[0])
    names = [get_args(each.model_fields["type"].annotation)[0] for each in types]
    assert sorted(message.rpartition("one of ")[2].split(", ")) == sorted(names)


def test_pages_are_no_threads() -> None:
    website = {"type": "website", "url": "https://docs.example", "kind": "thread"}

    assert error("sources.docs", website).startswith(
        "sources.docs.kind: expected docs, course or video"
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("at noon", "five cron fields (minute hour day month weekday)"),
        ("* * * * * *", "five cron fields (minute hour day month weekday)"),
        ("60 0 * * *", 'five cron fields (minute "60" does not fit 0-59)'),
        ("*/60 * * * *", 'five cron fields (minute "*/60" does not fit 0-59)'),
        ("*/0 * * * *", 'five cron fields (minute "*/0" does not fit 0-59)'),
        ("0 22-4 * * *", 'five cron fields (hour "22-4" does not fit 0-23)'),
        ("0 1-2x * * *", 'five cron fields (hour "1-2x" does not fit 0-23)'),
        ("0 0 0 * *", 'five cron fields (day "0" does not fit 1-31)'),
        ("0 0 1, * *", 'five cron fields (day "" does not fit 1-31)'),
        ("0 0 1 foo *", 'five cron fields (month "foo" does not fit 1-12 or jan-dec)'),
        (
            "0 0 1 jan-13 *",
            'five cron fields (month "jan-13" does not fit 1-12 or jan-dec)',
        ),
        ("0 0 * * 8", 'five cron fields (weekday "8" does not fit 0-7 or sun-sat)'),
        (
            "0 0 * * 1,mon-8",
            'five cron fields (weekday "mon-8" does not fit 0-7 or sun-sat)',
        ),
        ("0 0 30 2 *", "a date that exists"),
        ("0 0 31 4,jun */2", "a date that exists"),
    ],
)
def test_a_cron_line_that_could_not_run_is_refused(line: str, problem: str) -> None:
    message = error("schedule.index", {"cron": line})

    assert message == f'schedule.index.cron: expected {problem}, got "{line}"'


@pytest.mark.parametrize("line", ["0 0 * * 7", "0 0 * * 5-7", "0 0 1 * mon-5"])
def test_a_cron_line_is_kept_as_it_was_written(line: str) -> None:
    assert parsed("schedule.index", {"cron": line}).schedule.index.cron == line


def test_a_bad_regular_expression_is_refused() -> None:
    docs = {
        "type": "markdown",
        "path": "d",
        "base_url": "https://docs.example",
        "rules": [{"pattern": "("}],
    }

    assert error("sources.docs", docs).startswith(
        "sources.docs.rules[0].pattern: expected a regular expression"
    )


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [", "not valid YAML"),
        ("- a\n- b\n", "expected keys and values, got a list"),
        ("", "expected keys and values, got nothing"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("community: {name: a, name: b}\n", "line 1: name stands twice"),
        ("? [a, b]\n: 1\n", "not valid YAML"),
        ("? {a: b}\n: 1\n", "not valid YAML"),
        ("a: 2026-13-45\n", "not valid YAML"),
        ("[" * 3000, "not valid YAML"),
    ],
)
def test_a_file_that_is_no_config_is_refused(
    tmp_path: Path, text: str | bytes, part: str
) -> None:
    path = write(tmp_path / "config.yaml", text)

    with pytest.raises(ConfigError) as refused:
        load_config(path)

    assert part in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        load_config(tmp_path / "nowhere.yaml")


def test_python_objects_in_yaml_are_not_made(tmp_path: Path) -> None:
    path = write(
        tmp_path / "config.yaml", "community: !!python/object/apply:os.getcwd []\n"
    )

    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(path)


# -- secrets ---------------------------------------------------------------


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORUM_KEY", " abc \n")

    assert secret("FORUM_KEY", key="bot.api_key_env") == "abc"
    assert secret(None, key="bot.api_key_env") is None


def test_a_secret_that_is_not_set_is_named_and_not_guessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FORUM_KEY", raising=False)

    with pytest.raises(ConfigError) as refused:
        secret("FORUM_KEY", key="bot.api_key_env")

    assert str(refused.value) == (
        "bot.api_key_env: the environment variable FORUM_KEY is not set"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"api_key_env": "A", "user_api_key_env": "B"},
            "expected either api_key_env or user_api_key_env, got both",
        ),
        (
            {"api_username": "amina", "user_api_key_env": "B"},
            "expected no api_username with user_api_key_env: a user API key speaks for "
            "the account that made it",
        ),
    ],
)
def test_two_ways_to_be_let_in_are_one_too_many(
    keys: dict[str, object], message: str
) -> None:
    source = {"type": "forum", "url": "https://forum.example", **keys}

    assert error("sources.forum", source) == f"sources.forum: {message}"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("heavy_hours", "nights", "expected hours of the day such as 22:00-06:00"),
        ("recrawl_per_day", -1, "expected greater than or equal to 0"),
        ("max_age", "soon", "expected a time span such as 90s, 15m, 2h or 7d"),
        ("respect_robots", "no", "expected true or false"),
        ("reread_per_refresh", 20, "unknown key"),
    ],
)
def test_a_bad_value_of_a_forum_names_its_key(
    key: str, value: object, message: str
) -> None:
    assert error(f"sources.forum.{key}", value).startswith(
        f"sources.forum.{key}: {message}"
    )


@pytest.mark.parametrize("section", ["serve", "webhook"])
def test_a_host_without_a_name_would_be_every_address(section: str) -> None:
    assert error(f"{section}.host", "").startswith(f"{section}.host: expected ")


@pytest.mark.parametrize(
    "contact", ["https://example.org/about-GPTBot", "ahrefsbot@example.org"]
)
def test_a_contact_that_forums_would_turn_away_is_refused(contact: str) -> None:
    """It is part of the User-Agent, and some words there cost all but one request a
    minute."""
    message = error("community.contact", contact)

    assert message.startswith("community.contact: expected a contact without '")
    assert "forums slow down or turn away" in message


# -- webhooks --------------------------------------------------------------


def test_nobody_listens_to_webhooks_unless_told() -> None:
    config = parsed()
    forum = config.sources["forum"]

    assert isinstance(forum, ForumSource)
    assert forum.webhook_secret_env is None
    assert (config.webhook.host, config.webhook.port) == ("127.0.0.1", 8643)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("webhook.port", 65_536, "webhook.port: expected less than or equal to 65535"),
        ("webhook.port", "8643", 'webhook.port: expected a whole number, got "8643"'),
        ("webhook.secret", "x", "webhook.secret: unknown key"),
        (
            "sources.forum.webhook_secret_env",
            "a secret of some length",
            "sources.forum.webhook_secret_env: "
            "expected the name of an environment variable: no secret",
        ),
    ],
)
def test_a_webhook_setting_that_is_wrong_is_named(
    path: str, value: object, problem: str
) -> None:
    assert error(path, value).startswith(problem)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("xx", 'the code of a language, such as fr, got "xx"'),
        ("English", 'the code of a language, such as fr, got "English"'),
        ("por", "the language alone, by its shortest code: pt"),
        ("pt-BR", "the language alone, by its shortest code: pt"),
    ],
)
def test_a_language_that_no_text_would_be_told_to_be_in_is_refused(
    code: str, expected: str, tmp_path: Path
) -> None:
    community = {
        "name": "Test",
        "contact": "tests@example.org",
        "languages": ["en", code],
    }

    with pytest.raises(ConfigError) as refused:
        parse_config({"community": community}, folder=tmp_path)

    assert refused.value.key == "community.languages[1]"
    assert refused.value.problem == f"expected {expected}"
