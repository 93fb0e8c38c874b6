"""Whether an Afterword runs: one that serves says so over HTTP, and one that dispatches touches a file."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import urllib3

from afterword.actions.operating.backlog import Finding
from afterword.base.settings import Settings
from afterword.domain.values import utc_text

ANSWER_TIMEOUT = 5.0
"""Seconds in which a server must answer."""

FRESH = 60.0
"""Seconds for which a dispatcher's pulse counts; it beats every five."""


def serving(settings: Settings) -> Iterator[Finding]:
    here = ask(settings.local_url)
    public = here if settings.url == settings.local_url else ask(settings.url)
    if not here.answers and not public.answers:
        says = (
            f"NOTHING SERVES: no Afterword answers at {here.url} ({here.why_not}). Start it: afterword serve"
        )
        yield Finding("serving", "action", says)
    elif public.answers:
        yield Finding("serving", "ok", f"Afterword answers at {public.url}.")
    else:
        says = (
            f"Afterword answers at {here.url}, but from this machine not at {public.url} ({public.why_not}), which "
            "the links in e-mails lead to: check AFTERWORD_URL and the proxy."
        )
        yield Finding("serving", "note", says)


def dispatching(settings: Settings, now: float) -> Iterator[Finding]:
    since = beat_at(settings)
    if since is not None and now - since <= FRESH:
        yield Finding("dispatching", "ok", f"A dispatcher was at work at {utc_text(int(since))}.")
        return
    last = "none has ever used this data folder" if since is None else f"the last at {utc_text(int(since))}"
    says = (
        f"NOTHING SENDS: no dispatcher is at work ({last}). Start it: afterword serve, or beside "
        "serve --no-dispatch: afterword dispatch"
    )
    yield Finding("dispatching", "action", says)


class Serving(NamedTuple):
    """Whether an Afterword answers at an address; else why not."""

    url: str
    answers: bool
    why_not: str = ""


def ask(url: str) -> Serving:
    """Asks `url`/healthz. An Afterword that cannot use its database answers too."""
    try:
        with urllib3.PoolManager(retries=False, timeout=ANSWER_TIMEOUT) as pool:
            answer = pool.request("GET", f"{url}/healthz", redirect=False)
        status = json.loads(answer.data).get("status")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return Serving(url, answers=False, why_not=_in_words(error))
    except (ValueError, AttributeError):
        return Serving(url, answers=False, why_not="what answers there is not Afterword")
    is_ours = status in ("ok", "held", "unavailable")
    return Serving(url, is_ours, "" if is_ours else "what answers there is not Afterword")


def _in_words(error: Exception) -> str:
    match error:
        case urllib3.exceptions.NewConnectionError():
            return "nothing accepts connections there"
        case urllib3.exceptions.TimeoutError():
            return f"no answer within {ANSWER_TIMEOUT:.0f} seconds"
        case urllib3.exceptions.SSLError():
            return "its certificate is not accepted"
    return str(error)


def beat_at(settings: Settings) -> float | None:
    """When (epoch seconds) a dispatcher last touched its file; None if none has ever worked with this data folder.

    Raises OSError.
    """
    try:
        return settings.pulse.stat().st_mtime
    except FileNotFoundError:
        return None
