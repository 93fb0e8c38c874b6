"""Structured logs on stderr, one line per event. Keys, e-mail addresses and names are never logged."""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog


def set_up_log(*, debug: bool = False) -> None:
    """Configures logfmt output: `timestamp=… level=… event=… invitation=…`."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )


def log_for(module: str) -> Any:
    """A module's logger. Event names are constants: a noun and a past participle (listed in docs/operating.md)."""
    return structlog.get_logger(module=module)


class _Stderr:
    """Standard error that drops lines it cannot write: a full disk must not stop sending."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()
