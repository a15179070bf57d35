"""The commands about a member's rights: to be forgotten, to have what is held."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli_base import Session, as_json_option, common_options
from bot.terminal import plain_json, say, say_json
from kb.errors import KBError

_source_option = click.option(
    "--source",
    "sources",
    metavar="NAME",
    multiple=True,
    help="Only there; may be repeated.  [default: all forums and archives]",
)


@click.command()
@click.argument("user")
@_source_option
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@click.option("--undo", is_flag=True, help="Let what is on the forum be read again.")
@as_json_option
@common_options()
@click.pass_obj
def forget(
    session: Session,
    user: str,
    sources: tuple[str, ...],
    yes: bool,
    undo: bool,
    as_json: bool,
) -> None:
    """Remove all that is held of a member, for good.

    Posts leave the knowledge base, the word index, the vectors, the links and the
    ledger; topics that they began leave whole. A hash of the name and the number of
    the account stay, so that no harvest brings them back. The forum is not changed:
    what is to leave it, its moderators must delete. Copies of baraza.db that you made
    are yours to delete. Stop `baraza run` first.

    \b
    Example:
        baraza forget amina_k
        baraza forget amina_k --yes --source community
        baraza forget amina_k --undo
    """
    from bot.forgetting import forget as run_forget
    from bot.forgetting import remember, sources_of_people

    app = session.app
    names = sources_of_people(app, sources)
    if undo:
        with app.single_instance("baraza forget"):
            found = remember(app, user, names)
        if as_json:
            say_json({"taken_back": found})
        else:
            say(f"taken back in: {', '.join(found) or 'no source'}; run baraza harvest")
        return
    if not yes:
        click.confirm(
            f"Remove all that is held of {user} in {', '.join(names)}?",
            abort=True,
            err=True,
        )
    with app.single_instance("baraza forget"):
        reports = run_forget(app, user, names)
    for report in reports:
        if as_json:
            say_json(report)
            continue
        say(
            f"{report.source}: {report.posts} posts, {report.topics} topics, "
            f"{report.decisions} decisions of the bot"
        )
        if report.replies:
            say(
                f"  {len(report.replies)} replies of the bot show something of it on "
                "the forum; in a mode that writes baraza run edits them"
            )
        if report.unknown:
            say(
                f"  {report.unknown} topics stay of which nothing says who began them; "
                "the next baraza harvest asks the forum"
            )


@click.command()
@click.argument("user")
@_source_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it there.  [default: stdout]",
)
@common_options()
@click.pass_obj
def export(
    session: Session, user: str, sources: tuple[str, ...], out: Path | None
) -> None:
    """All that is held of a member, as JSON Lines.

    Posts, also those that wait for the rest of their topic, the bot's decisions on
    their topics, its links to their posts, their marks and wishes.

    \b
    Example:
        baraza export amina_k --out amina_k.jsonl
    """
    from bot.forgetting import export as run_export
    from bot.forgetting import sources_of_people

    app = session.app
    items = run_export(app, user, sources_of_people(app, sources))
    if out is None:
        for item in items:
            say_json(item)
        return
    from kb.whole import write_whole

    lines = [plain_json(item) for item in items]
    try:
        write_whole(out, "".join(f"{line}\n" for line in lines).encode())
    except OSError as exc:
        raise KBError(f"{out} cannot be written: {exc.strerror}") from exc
    say(f"{len(lines)} items written to {out}")
