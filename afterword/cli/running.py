"""`afterword serve` and `afterword dispatch`: the two that stay until they are told to stop.

They import what they run when they run it: the other commands start in half the time without it.
"""

import asyncio
from contextlib import suppress

import click

from afterword.base.clock import system_clock
from afterword.base.settings import read_settings
from afterword.cli.demo import introduction
from afterword.cli.output import say
from afterword.store.opening import open_database
from afterword.store.shops import Refused


@click.command()
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that serve.")
@click.option("--no-dispatch", is_flag=True, help="Take orders and send no letters; see dispatch.")
def serve(workers: int, no_dispatch: bool) -> None:
    """Take orders and send letters, in one process.

    A new ./afterword-data gets a demo shop, and a line to paste is shown. SIGTERM and Ctrl-C finish what is in
    hand, then stop.
    """
    if workers > 1:
        raise Refused(
            "--workers above 1 is not for SQLite, whose file has one writing process: "
            "one process takes thousands of orders a second"
        )
    from afterword import app
    from afterword.base.log import set_up_log

    set_up_log()
    settings = read_settings()
    address = app.free_address(settings)
    database = open_database(settings, apart=True)
    lines = introduction(settings, database, system_clock())

    def introduce() -> None:
        with suppress(BrokenPipeError):  # nobody reads: no reason not to serve
            say("\n".join(lines))

    asyncio.run(app.serve(settings, database, dispatch=not no_dispatch, address=address, ready=introduce))


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
