"""What all commands share: the options, the session, and errors as one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.escape import visible
from bot.terminal import log_to_stderr
from kb.errors import ConfigError, KBError

if TYPE_CHECKING:
    from bot.app import App

CONFIG_ERROR = 2


@dataclass
class Session:
    """What the options before and after a command say."""

    path: Path = Path("config.yaml")
    verbose: bool = False

    @cached_property
    def app(self) -> App:
        """The installation that the config describes.

        Raises:
            ConfigError: The config cannot be used.
        """
        from bot.app import App
        from bot.config import load_config

        return App(load_config(self.path))


class Commands(click.Group):
    """Turns errors that a person can act on into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as exc:
            code, message = CONFIG_ERROR, f"config: {exc}"
        except KBError as exc:
            code, message = 1, str(exc)
        complain(message)
        ctx.exit(code)


def complain(message: str) -> None:
    """One line on stderr that says what went wrong."""
    click.echo(f"baraza: {visible(message)}", err=True)


def _keep_path(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Session).path = value


def _keep_verbose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Session).verbose = True
        log_to_stderr(verbose=True)


F = TypeVar("F", bound=Callable[..., Any])


def common_options(*, env: bool = False) -> Callable[[F], F]:
    """``--config`` and ``--verbose``, accepted before and after the command."""

    def decorate(function: F) -> F:
        config = click.option(
            "--config",
            type=click.Path(path_type=Path),
            envvar="BARAZA_CONFIG" if env else None,
            expose_value=False,
            callback=_keep_path,
            is_eager=True,
            help="Configuration file.  [default: ./config.yaml, or $BARAZA_CONFIG]",
        )
        verbose = click.option(
            "--verbose",
            is_flag=True,
            expose_value=False,
            callback=_keep_verbose,
            is_eager=True,
            help="Log what happens to stderr.",
        )
        return config(verbose(function))

    return decorate


def _languages(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    # Here and not above: not every command knows languages.
    from kb.tongues import language_code

    try:
        return tuple(language_code(value) for value in values)
    except ValueError as exc:
        raise click.BadParameter(str(exc), ctx, param) from exc


language_option = click.option(
    "--language",
    "languages",
    metavar="CODE",
    multiple=True,
    callback=_languages,
    help="Only what is in this language, such as fr; may be repeated.",
)

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON for machines, one value a line."
)
