"""The verbs."""

import asyncio

import click

from afterword.app import open_database
from afterword.app import serve as serve_app
from afterword.base.log import set_up_log
from afterword.base.settings import read_settings


@click.group()
def main() -> None:
    set_up_log()


@main.command()
def serve() -> None:
    settings = read_settings()
    asyncio.run(serve_app(settings, open_database(settings), dispatch=True))
