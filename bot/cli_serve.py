"""The commands of the query endpoint: serve it, and show it on other sites."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli_base import Session, common_options
from bot.terminal import say
from kb.errors import ConfigError, KBError


@click.command()
@click.option("--host", help="Address to listen on.  [default: serve.host]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on.  [default: serve.port]",
)
@common_options()
@click.pass_obj
def serve(session: Session, host: str | None, port: int | None) -> None:
    """Serve the search page, the query endpoint and the widget over HTTP.

    The page is /search, the endpoint /api/search?q=…; /openapi.json describes it, and
    docs/search.md explains it. What is harvested meanwhile is found within seconds.

    \b
    Example:
        baraza serve --port 8642
    """
    from bot.serving import serve_forever

    settings = session.app.config.serve
    serve_forever(
        session.app,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
    )


@click.command()
@click.option(
    "--url",
    help="Where visitors reach `baraza serve`.  [default: serve.public_url]",
)
@click.option(
    "--discourse",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the theme component for a Discourse forum there, as a zip.",
)
@common_options()
@click.pass_obj
def widget(session: Session, url: str | None, out: Path | None) -> None:
    """Print the line that shows related resources on another site.

    With --discourse: the theme component that shows members what may already answer
    the question that they are writing. The sites must be among serve.origins.

    \b
    Example:
        baraza widget --url https://search.example.org
        baraza widget --discourse baraza-component.zip
    """
    from kb.web.widget_embed import discourse_component, script_tag
    from kb.whole import write_whole

    config = session.app.config.serve
    address = url or config.public_url
    if address is None:
        raise ConfigError(
            "serve.public_url",
            "expected where visitors reach `baraza serve`; or name it with --url",
        )
    if not config.origins:
        click.echo(
            "No site may show it yet: name them in serve.origins, such as "
            "https://forum.example.org.",
            err=True,
        )
    if out is None:
        say(script_tag(address))
        return
    try:
        write_whole(out, discourse_component(address))
    except OSError as exc:
        raise KBError(f"cannot write {out}: {exc.strerror}") from exc
    say(f"{out}: install it under Admin › Appearance › Themes › Components")
