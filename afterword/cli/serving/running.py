"""`afterword serve` and `afterword dispatch`: the two that stay until they are told to stop.

They import what they run when they run it: the other commands start in half the time without it.
"""

import asyncio
from contextlib import suppress

import click

from afterword.base.clock import system_clock
from afterword.base.errors import Refused
from afterword.base.metrics import Board, Metrics
from afterword.base.settings import read_settings
from afterword.cli.output import say
from afterword.cli.serving.demo import introduction
from afterword.cli.serving.workers import watch_over
from afterword.store.opening import open_database


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that serve (PostgreSQL).",
)
@click.option("--no-dispatch", is_flag=True, help="Take orders and send no letters; see dispatch.")
def serve(workers: int, no_dispatch: bool) -> None:
    """Take orders and send letters.

    A new ./afterword-data gets a demo shop, and a line to paste is shown. SIGTERM and Ctrl-C finish what is in
    hand, then stop.
    """
    from afterword import app
    from afterword.base.log import set_up_log

    set_up_log()
    settings = read_settings()
    if workers > 1 and settings.database_path is not None:
        raise Refused(
            "--workers above 1 is not for SQLite, whose file has one writing process: "
            "one process takes thousands of orders a second"
        )
    address = app.free_address(settings)
    board = Board(workers)

    def work(number: int = 0, lifeline: int | None = None) -> None:
        """The first one introduces itself and sends; each opens the database by itself."""
        database = open_database(settings, apart=True, metrics=Metrics(board, number))
        lines = introduction(settings, database, system_clock()) if number == 0 else []

        def introduce() -> None:
            with suppress(BrokenPipeError):  # nobody reads: no reason not to serve
                say("\n".join(lines))

        sends = number == 0 and not no_dispatch
        ready = introduce if lines else None
        asyncio.run(
            app.serve(settings, database, dispatch=sends, address=address, ready=ready, lifeline=lifeline)
        )

    if workers == 1:
        work()
    else:
        watch_over(workers, work)


@click.command()
def dispatch() -> None:
    """Send letters and serve nothing.

    Beside a serve --no-dispatch on the same data folder.
    """
    from afterword import app
    from afterword.base.log import set_up_log

    set_up_log()
    settings = read_settings()
    asyncio.run(app.dispatch(settings, open_database(settings)))
