"""The commands about keys of the query endpoint: who may see more than everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bot.cli_base import Session, as_json_option, common_options
from bot.escape import visible
from bot.terminal import say, say_json
from kb.errors import KBError
from kb.types import PUBLIC

if TYPE_CHECKING:
    from kb.store import ApiKey, Store


@click.group(invoke_without_command=True)
@as_json_option
@common_options()
@click.pass_context
def keys(ctx: click.Context, as_json: bool) -> None:
    """List the keys of the query endpoint: whom they let see what.

    Without a key everybody searches what is public. The keys themselves are not kept,
    only their hashes: one that is lost is revoked, and another one made.

    \b
    Example:
        baraza keys
        baraza keys add wiki --scope private
        baraza keys revoke wiki
    """
    if ctx.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(
                f"--json goes with the list, not with {ctx.invoked_subcommand}", ctx
            )
        return
    with ctx.ensure_object(Session).app.open_store(readonly=True) as store:
        found = store.api_keys.list()
    for key in found:
        if as_json:
            say_json(_values(key))
        else:
            say(_line(key))
    if not found and not as_json:
        say("no keys: everybody sees what is public, and nobody more")


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    metavar="private|category:NAME|source:NAME|metrics",
    multiple=True,
    required=True,
    help="All that is restricted, one category or source, /metrics; may be repeated.",
)
@common_options()
@click.pass_obj
def add(session: Session, name: str, scopes: tuple[str, ...]) -> None:
    """Make a key, and show it this once.

    It comes alone on stdout. Whoever has it sends it with each request, in the header
    Authorization, after the word Bearer.

    \b
    Example:
        baraza keys add wiki --scope category:Staff
        baraza keys add prometheus --scope metrics > key
    """
    from kb.store.keys import name_problem, scope_problem

    if problem := name_problem(name):
        raise click.BadParameter(problem, param_hint="'NAME'")
    for scope in scopes:
        if problem := scope_problem(scope):
            raise click.BadParameter(problem, param_hint="'--scope'")
    app = session.app
    with app.open_store() as store:
        _refuse_unknown(store, scopes)
        with store.transaction():
            try:
                secret = store.api_keys.add(name, scopes, app.clock())
            except ValueError as exc:
                raise KBError(str(exc)) from exc
    say(secret)
    click.echo(
        f"This is the key {visible(name)}, shown this once: keep it where secrets are "
        f"kept. It shows {_shown(scopes)}.",
        err=True,
    )


@keys.command()
@click.argument("name")
@common_options()
@click.pass_obj
def revoke(session: Session, name: str) -> None:
    """Let nobody in by a key any more.

    \b
    Example:
        baraza keys revoke wiki
    """
    app = session.app
    with app.open_store() as store, store.transaction():
        known = store.api_keys.list()
        was_valid = store.api_keys.revoke(name, app.clock())
    if was_valid:
        say(f"revoked: {visible(name)} lets nobody in any more")
    elif any(key.name == name for key in known):
        say(f"it was revoked already: {visible(name)}")
    else:
        raise KBError(f"there is no key called {name}; see baraza keys")


def _refuse_unknown(store: Store, scopes: tuple[str, ...]) -> None:
    """
    Raises:
        click.BadParameter: One is named that nothing that is held is restricted to.
    """
    from kb.store.keys import RESTRICTED

    held = sorted(store.documents.visibilities() - {PUBLIC})
    for scope in scopes:
        if scope.startswith(RESTRICTED) and scope not in held:
            names = ", ".join(map(visible, held)) or "nothing"
            raise click.BadParameter(
                f"nothing that is held is restricted to {visible(scope)}; there is: "
                f"{names}",
                param_hint="'--scope'",
            )


def _shown(scopes: tuple[str, ...]) -> str:
    from kb.store.keys import METRICS, PRIVATE

    names = {PRIVATE: "all that is restricted", METRICS: "the figures of /metrics"}
    return " and ".join(
        names.get(each) or f"what is restricted to {visible(each)}"
        for each in sorted(set(scopes))
    )


def _values(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _line(key: ApiKey) -> str:
    end = "" if key.revoked_at is None else f", revoked {key.revoked_at:%Y-%m-%d}"
    scopes = ", ".join(map(visible, sorted(key.scopes)))
    return f"{visible(key.name)}: {scopes}; made {key.created_at:%Y-%m-%d}{end}"
