"""Serves it: `python -m benchmarks.default_stack`, with Afterword's settings for the database and the port."""

import signal
import sys
from typing import NoReturn

import uvicorn

from afterword.base.settings import read_settings
from benchmarks.default_stack.app import make_app
from benchmarks.default_stack.prepared import address_of


def main() -> None:
    signal.signal(signal.SIGTERM, _end)
    settings = read_settings()
    app = make_app(address_of(settings))
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", access_log=False)


def _end(*_: object) -> NoReturn:
    """uvicorn raises the signal once more when it has answered everything."""
    sys.exit()


if __name__ == "__main__":
    main()
