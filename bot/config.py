"""``config.yaml`` and the environment → a frozen, validated `Config`.

The only reader of the configuration. Code below ``bot/app.py`` receives typed
values; it never sees this record when it only needs two fields of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from bot.config_errors import config_error, one_line, show
from bot.config_fields import (
    Contact,
    Duration,
    EnvName,
    FilePath,
    Hours,
    KindName,
    Language,
    Name,
    Pause,
    Regex,
    Section,
    Share,
    WebAddress,
    bare_off,
    web_address,
)
from bot.config_sources import (
    ArchiveSource,
    CoursesSource,
    ForumSource,
    MarkdownSource,
    Source,
    VideosSource,
    WebsiteSource,
)
from kb.errors import ConfigError
from kb.links import LinkRules
from kb.signals import without as all_signals_but
from kb.types import Kind

# What `bot.missing` may ask for in words that are shipped, see `bot.compose`.
OUR_WORDS = ("version", "logs", "steps")

Mode = Literal["off", "shadow", "draft", "whisper", "public"]
# In these the bot writes to the forum; the order is that of growing trust.
WRITING: frozenset[Mode] = frozenset({"draft", "whisper", "public"})


class Community(Section):
    """Whom this installation serves."""

    name: str = Field(min_length=1)
    contact: Contact
    languages: list[Language] = Field(default=["en"], min_length=1)
    translations: FilePath | None = None


class Fold(Section):
    """One rule that makes the addresses of a page's versions one."""

    pattern: Regex
    replace: str

    @model_validator(mode="after")
    def _fit(self) -> Self:
        try:
            re.sub(self.pattern, self.replace, "")
        except (re.error, IndexError) as exc:
            raise ValueError(
                f"expected a replace that fits its pattern ({exc})"
            ) from exc
        return self


class Links(Section):
    """What is known of addresses beside what holds for all of the web."""

    hosts: dict[str, str] = {}
    fold: list[Fold] = []
    drop_parameters: list[str] = []
    # What is suggested answered within this time.
    alive_within: Duration = timedelta(days=7)

    @field_validator("hosts")
    @classmethod
    def _bare_hosts(cls, hosts: dict[str, str]) -> dict[str, str]:
        for host in (*hosts, *hosts.values()):
            if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?", host):
                raise ValueError(
                    f"expected hosts without https:// and path, such as "
                    f"forum.example.org, not {show(host)}"
                )
        return hosts

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        self.rules()
        return self

    def rules(self, sites: Iterable[str] = (), forums: Iterable[str] = ()) -> LinkRules:
        """These settings, for the sites that are harvested.

        Raises:
            ValueError: They contradict each other.
        """
        return LinkRules(
            sites=tuple(dict.fromkeys(sites)),
            forums=tuple(dict.fromkeys(forums)),
            hosts=tuple(self.hosts.items()),
            fold=tuple((rule.pattern, rule.replace) for rule in self.fold),
            drop_parameters=tuple(self.drop_parameters),
        )


class Embedding(Section):
    """Which model turns text into vectors."""

    model: Annotated[str, Field(min_length=1)] = "packaged"
    backend: Literal["auto", "openvino", "torch"] = "auto"
    # Unset: as the model was trained.
    query_prompt: str | None = None
    passage_prompt: str | None = None
    # Texts of one meaning are near each other in whatever language.
    multilingual: Literal["auto", True, False] = "auto"


class Chunking(Section):
    """How documents are cut into passages."""

    max_tokens: Annotated[int, Field(ge=32, le=8192)] = 200
    # Whose tokens they are; not the embedding model's own, so that another model does
    # not cut everything anew.
    tokenizer: Annotated[str, Field(min_length=1)] = "packaged"


class Search(Section):
    """How passages are found."""

    depth: Annotated[int, Field(ge=10, le=2000)] = 200
    bridge: Annotated[Literal["shipped", "own", "off"], BeforeValidator(bare_off)] = (
        "shipped"
    )


class Ranking(Section):
    """How what was found is ordered."""

    without: list[str] = []

    @field_validator("without")
    @classmethod
    def _known_signals(cls, names: list[str]) -> list[str]:
        all_signals_but(names)
        return names


class Missing(Section):
    """Something without which nobody can help, and how it is told that it is there."""

    # A word of ours (version, logs, steps), or the community's own sentences.
    what: Annotated[str, Field(min_length=1, max_length=40)]
    # Searched in title and text, whatever the case; found, nothing is missing.
    unless: Regex
    # Where it is asked for; empty: everywhere.
    categories: list[str] = []
    # By language, for what is no word of ours.
    ask: dict[Language, Annotated[str, Field(min_length=1, max_length=200)]] = {}

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        if self.what not in OUR_WORDS and not self.ask:
            raise ValueError(
                f"what: expected {', '.join(OUR_WORDS)}, or sentences under ask"
            )
        return self


class Bot(Section):
    """How the bot behaves on the forum."""

    mode: Annotated[Mode, BeforeValidator(bare_off)] = "shadow"
    forum: Name | None = None
    username: Annotated[str, Field(min_length=1)] = "baraza"
    api_key_env: EnvName | None = None
    precision: Annotated[float, Field(gt=0, lt=1)] = 0.4
    min_confidence: Share | None = None
    max_links: Annotated[int, Field(ge=1, le=5)] = 5
    max_per_kind: dict[KindName, Annotated[int, Field(ge=0, le=5)]] = {
        Kind.THREAD: 3,
        Kind.DOCS: 2,
        Kind.COURSE: 1,
        Kind.VIDEO: 1,
    }
    categories: list[str] = []
    exclude_categories: list[str] = []
    exclude_authors: list[str] = []
    tags: list[str] = []
    exclude_tags: list[str] = []
    # Another mode than the usual one; subcategories follow their parent.
    modes: dict[str, Annotated[Mode, BeforeValidator(bare_off)]] = {}
    # Groups or members: who approves drafts and is told what happens.
    moderators: list[str] = ["moderators"]
    draft_expires: Duration = timedelta(days=2)
    max_topic_age: Duration = timedelta(days=2)
    # How long people come first; 0s: not at all.
    grace: Pause = timedelta(minutes=15)
    settle: Pause = timedelta(minutes=5)
    quiet_hours: Hours | None = None
    max_replies_per_hour: Annotated[int, Field(ge=1, le=1000)] = 10
    max_replies_per_day: Annotated[int, Field(ge=1, le=10_000)] = 50
    max_replies_per_author: Annotated[int, Field(ge=1, le=1000)] = 3
    # Who begins more within an hour is not answered.
    max_topics_per_author: Annotated[int, Field(ge=1, le=1000)] = 10
    # A user field of profiles that says so; its name or number.
    opt_out_field: str | None = None
    missing: list[Missing] = []
    pause_after: Annotated[int, Field(ge=5, le=1000)] = 20

    @model_validator(mode="after")
    def _key_for_writing(self) -> Self:
        writing = [m for m in (self.mode, *self.modes.values()) if m in WRITING]
        if writing and (self.forum is None or self.api_key_env is None):
            raise ValueError(f"mode {writing[0]} needs both forum and api_key_env")
        if "draft" in writing and not self.moderators:
            raise ValueError("mode draft needs moderators, who approve")
        return self

    def mode_for(self, category: Sequence[str]) -> Mode:
        """The mode that holds in a category, given with its parents, outermost first:
        that of the innermost for which one is set."""
        modes = {slug.casefold(): mode for slug, mode in self.modes.items()}
        for slug in reversed(category):
            if slug.casefold() in modes:
                return modes[slug.casefold()]
        return self.mode

    @property
    def category_keys(self) -> dict[str, frozenset[str]]:
        """The slugs of categories that it names, by the key that names them."""
        missing = {slug for each in self.missing for slug in each.categories}
        return {
            "bot.categories": frozenset(self.categories),
            "bot.exclude_categories": frozenset(self.exclude_categories),
            "bot.modes": frozenset(self.modes),
            "bot.missing": frozenset(missing),
        }

    @property
    def all_modes(self) -> frozenset[Mode]:
        """The modes that hold somewhere."""
        return frozenset({self.mode, *self.modes.values()})


class Trigger(Section):
    """When a job runs: ``every: 15m`` or ``cron: "0 2 * * *"``."""

    every: Duration | None = None
    cron: str | None = None

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, text: str | None) -> str | None:
        if text is not None:
            # Brings APScheduler along, which few commands need.
            from bot.cron import cron_trigger

            cron_trigger(text, UTC)
        return text

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise ValueError("expected either every or cron")
        return self


class Report(Section):
    """What the moderators' triage report tells of, and where it goes."""

    # Forums and archives; empty: bot.forum, and without one all of them.
    sources: list[Name] = []
    period: Duration = timedelta(days=7)
    # So long a question that nobody answered is told of, whatever the period.
    open_for: Duration = timedelta(days=30)
    # Entries of each section.
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    # Accounts that are programs, beside the forum's own and the bot's.
    bots: list[str] = []
    # Members who are not suggested as helpers, beside those who want fewer messages.
    not_helpers: list[str] = []
    # For how many questions of one report a member may be suggested.
    load: Annotated[int, Field(ge=1, le=50)] = 3
    # A user field of profiles that tells a region or group; its name or number.
    region_field: str | None = None
    # Tell also of what not everybody may read; never where it is sent to a topic.
    private: bool = False
    # What the schedule does beside writing the page: a private message to
    # bot.moderators, or a reply in a topic.
    send: Annotated[Literal["off", "message", "topic"], BeforeValidator(bare_off)] = (
        "off"
    )
    topic: Annotated[int, Field(ge=1)] | None = None
    # With a key, the query endpoint shows the report to whoever has it.
    key_env: EnvName | None = None

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.send == "topic" and self.topic is None:
            raise ValueError("topic: expected the id of the topic that it is sent to")
        if self.send == "topic" and self.private:
            raise ValueError(
                "private: expected false with send: topic, as others may read there"
            )
        return self


# For sources that the schedule does not name.
_FORUM_REFRESH = Trigger(every=timedelta(minutes=15))
_DAILY = Trigger(every=timedelta(days=1))
# Unchecked, as checking brings APScheduler along.
_WEEKLY = Trigger.model_construct(every=None, cron="0 3 * * 0")
_MONDAYS = Trigger.model_construct(every=None, cron="0 5 * * 1")


class Schedule(Section):
    """When ``baraza run`` does what."""

    timezone: str = "UTC"
    misfire_grace: Duration = timedelta(minutes=10)
    refresh: dict[Name, Trigger] = {}
    index: Trigger = Trigger(every=timedelta(minutes=10))
    watch: Trigger = Trigger(every=timedelta(minutes=2))
    learn: Trigger = _WEEKLY
    # Looked at then; learned only if translations have changed.
    bridge: Trigger = _DAILY
    check: Trigger = _DAILY
    report: Trigger = _MONDAYS

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError) as exc:
            raise ValueError("expected a time zone such as Africa/Nairobi") from exc
        except LookupError as exc:  # ZoneInfoNotFoundError is a KeyError
            raise ValueError("expected a time zone such as Africa/Nairobi") from exc
        return name


def _origin(text: str) -> str:
    if text == "*":
        return text
    address = web_address(text)
    if address.count("/") != 2:
        raise ValueError(
            f"expected * or an origin such as https://forum.example.org, without a "
            f"path, not {show(text)}"
        )
    return address.lower()


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError as exc:
        raise ValueError(
            f"expected an address or network such as 10.0.0.0/8, not {show(text)}"
        ) from exc
    return text


class Serve(Section):
    """The query endpoint, its search page and its widget."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8642
    public_url: WebAddress | None = None
    # Unset: where the first forum takes new topics.
    ask_url: WebAddress | None = None
    origins: list[Annotated[str, AfterValidator(_origin)]] = []
    requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 120
    trusted_proxies: list[Annotated[str, AfterValidator(_network)]] = ["127.0.0.1"]
    search_timeout: Duration = timedelta(seconds=5)
    metrics: Annotated[Literal["open", "keyed", "off"], BeforeValidator(bare_off)] = (
        "keyed"
    )
    # How many people must have searched in vain for the same before it is told; 0:
    # searches are not counted at all.
    min_searchers: Annotated[int, Field(ge=0, le=64)] = 5

    @field_validator("min_searchers")
    @classmethod
    def _several(cls, people: int) -> int:
        if people == 1:
            raise ValueError("expected 0 (nothing is counted) or 2 and more, got 1")
        return people


class Webhook(Section):
    """Where ``baraza run`` listens for what forums tell."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8643
    # What a delivery tells of must not be older; so long a repeated one is known.
    replay_window: Duration = timedelta(days=1)


class Config(Section):
    """All settings of one installation; defaults are safe."""

    community: Community
    data_dir: FilePath = Path("data")
    sources: dict[Name, Source] = {}
    embedding: Embedding = Embedding()
    chunking: Chunking = Chunking()
    search: Search = Search()
    ranking: Ranking = Ranking()
    links: Links = Links()
    bot: Bot = Bot()
    schedule: Schedule = Schedule()
    serve: Serve = Serve()
    webhook: Webhook = Webhook()
    report: Report = Report()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        forum = self.bot.forum
        if forum is not None and not isinstance(self.sources.get(forum), ForumSource):
            raise ValueError(
                f"bot.forum: expected a forum under sources, got {forum!r}"
            )
        for name in self.report.sources:
            if not isinstance(self.sources.get(name), ForumSource | ArchiveSource):
                raise ValueError(
                    f"report.sources: expected forums or archives, got {name!r}"
                )
        if self.report.send != "off" and self.bot.api_key_env is None:
            raise ValueError(
                f"report.send: {self.report.send} needs bot.forum and bot.api_key_env"
            )
        if self.report.send == "message" and not self.bot.moderators:
            raise ValueError("report.send: message needs bot.moderators, who read it")
        for name in self.schedule.refresh:
            if name not in self.sources:
                raise ValueError(
                    f"schedule.refresh.{name}: expected the name of a source"
                )
        return self

    def refresh_trigger(self, name: str) -> Trigger:
        """When ``baraza run`` reads a source; one without a schedule is read, too."""
        usual = (
            _FORUM_REFRESH if isinstance(self.sources[name], ForumSource) else _DAILY
        )
        return self.schedule.refresh.get(name, usual)

    def link_rules(self) -> LinkRules:
        """By which the addresses of links are compared."""
        forums: list[str] = []
        sites: list[str] = []
        for source in self.sources.values():
            match source:
                case ForumSource():
                    forums.append(source.url)
                case ArchiveSource():
                    forums.append(source.forum_url)
                case MarkdownSource():
                    sites.append(source.base_url)
                case WebsiteSource() | CoursesSource() | VideosSource():
                    sites.append(source.url)
        return self.links.rules(sites, forums)

    @property
    def user_agent(self) -> str:
        """Says honestly who asks, with the contact of the operator."""
        from importlib.metadata import version

        return f"Baraza/{version('baraza')} (+{self.community.contact})"


def load_config(path: Path) -> Config:
    """Read and validate a config; relative paths in it start at its folder.

    Raises:
        ConfigError: The file is missing or not YAML, or a key is unknown, missing,
            of the wrong type or has a bad value; one line, naming the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError("", f"{path}: cannot be read ({exc})") from exc
    try:
        data = yaml.load(text, Loader=_NoDuplicates)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        # The latter two: dates and numbers that are none, and endless nesting.
        raise ConfigError("", f"{path}: not valid YAML ({_yaml_problem(exc)})") from exc
    if not isinstance(data, Mapping):
        raise ConfigError("", f"{path}: expected keys and values, got {show(data)}")
    return parse_config(data, folder=path.parent)


def _yaml_problem(exc: Exception) -> str:
    """Where the mistake is, and what; YAML's own text starts with its context."""
    mark = getattr(exc, "problem_mark", None)
    if mark is None:
        return one_line(str(exc))
    return f"line {mark.line + 1}: {getattr(exc, 'problem', None) or 'unexpected'}"


def parse_config(data: Mapping[str, Any], *, folder: Path) -> Config:
    """Validate settings that are already in memory; see `load_config`."""
    try:
        config = Config.model_validate(data)
    except ValidationError as exc:
        raise config_error(exc.errors(), known_keys=_all_keys()) from exc
    return _with_absolute_paths(config, folder.absolute())


def secret(name: str | None, *, key: str) -> str | None:
    """The value of an environment variable that the config names.

    Args:
        name: The variable; ``None`` means that no secret is configured.
        key: The config key that names it, for the error.

    Raises:
        ConfigError: The variable is not set.
    """
    if name is None:
        return None
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigError(key, f"the environment variable {name} is not set")
    return value


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    sources = {
        name: source.model_copy(
            update={key: _below(folder, value) for key, value in source}
        )
        for name, source in config.sources.items()
    }
    translations = _below(folder, config.community.translations)
    community = config.community.model_copy(update={"translations": translations})
    models = {
        "embedding": config.embedding.model_copy(
            update={"model": _model_below(folder, config.embedding.model)}
        ),
        "chunking": config.chunking.model_copy(
            update={"tokenizer": _model_below(folder, config.chunking.tokenizer)}
        ),
    }
    return config.model_copy(
        update={
            "community": community,
            "data_dir": folder / config.data_dir,
            "sources": sources,
            **models,
        }
    )


def _model_below(folder: Path, model: str) -> str:
    """A model that is a folder; others are known by their names."""
    if model in ("packaged", "hashing"):
        return model
    # Unlike pathlib's, these take any text: whether it is a model's is seen later.
    path = os.path.join(folder, os.path.expanduser(model))
    return path if os.path.isdir(path) else model


def _below(folder: Path, value: object) -> object:
    """*value* with what is a path in it starting at *folder*."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, list):
        return [_below(folder, each) for each in value]
    return value


def _all_keys() -> set[str]:
    sections: list[type[BaseModel]] = [Section]
    for section in sections:
        sections += [s for s in section.__subclasses__() if s not in sections]
    return {name for section in sections for name in section.model_fields}


class _NoDuplicates(yaml.SafeLoader):
    """YAML keeps the last of two equal keys; people mean neither."""


def _mapping(loader: _NoDuplicates, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.YAMLError(
                f"line {key_node.start_mark.line + 1}: expected a name before the colon"
            )
        if key_node.value in seen:
            raise yaml.YAMLError(
                f"line {key_node.start_mark.line + 1}: {key_node.value} stands twice"
            )
        seen.add(key_node.value)
    return loader.construct_mapping(node, deep=True)


_NoDuplicates.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
