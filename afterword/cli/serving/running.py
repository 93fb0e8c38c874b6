"""`afterword serve` and `afterword dispatch`: they run until they are stopped.

Their imports are inside the functions, so that the other commands start in half the time.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import click

from afterword.base.clock import system_clock
from afterword.base.errors import Refused
from afterword.base.metrics import Board, Metrics
from afterword.base.settings import hide_settings, read_settings
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
    help="Serving processes, with PostgreSQL.",
)
@click.option("--no-dispatch", is_flag=True, help="Send no e-mails; see dispatch.")
def serve(workers: int, no_dispatch: bool) -> None:
    """Accept orders, serve the pages and send e-mails.

    A new ./afterword-data gets a demo shop and a command to try it. SIGTERM and Ctrl-C finish what is in progress,
    then stop.
    """
    from afterword import app
    from afterword.base.log import set_up_log
    from afterword.web.listening import free_address, free_metrics_address
    from afterword.web.server import end_at_once

    set_up_log()
    settings = read_settings()
    if workers > 1 and settings.database_path is not None:
        raise Refused(
            "--workers above 1 needs PostgreSQL: a SQLite file has one writing process, which accepts thousands of "
            "orders a second"
        )
    at = free_address(settings), free_metrics_address(settings)
    board = Board(workers)

    def work(number: int, lifeline: int | None, serves: Callable[[], None]) -> None:
        """The first one prints the introduction and sends; each opens the database by itself."""
        database = open_database(settings, apart=True, metrics=Metrics(board, number))
        lines = introduction(settings, database, system_clock()) if number == 0 else []

        def introduce() -> None:
            serves()
            with suppress(BrokenPipeError):  # a closed stdout is no reason not to serve
                for line in lines:
                    say(line)

        hide_settings()
        sends = number == 0 and not no_dispatch
        asyncio.run(app.serve(settings, database, dispatch=sends, at=at, ready=introduce, lifeline=lifeline))
        end_at_once()

    watch_over(workers, work)


@click.command()
def dispatch() -> None:
    """Send e-mails and serve nothing.

    For use beside serve --no-dispatch, with the same settings.
    """
    from afterword import app
    from afterword.base.log import set_up_log

    set_up_log()
    settings = read_settings()
    asyncio.run(app.dispatch(settings, open_database(settings)))
