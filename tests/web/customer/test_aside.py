"""Long forms are checked and shown beside the server: no word is lost with that process."""

import asyncio
import os
import select
import signal
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from afterword.domain.reviews.review import LONGEST_REVIEW
from afterword.store.orders import StoredOrder
from afterword.web.customer import aside
from afterword.web.customer.aside import MOST_AHEAD, SHORT_FORM, Aside, FormTurns
from afterword.web.customer.reading import Sent
from afterword.web.customer.showing import Unavailable
from tests.processes import spawned_by
from tests.server import Answer
from tests.web.conftest import Site
from tests.web.customer.conftest import HEADERS, new_author, review, typed
from tests.web.customer.forms import MULTIPART, multipart

LONG = "Это был хороший хлеб. " * 220
assert len(LONG) < LONGEST_REVIEW and len(LONG.encode()) > SHORT_FORM


class Deadly(bytes):
    """Ends the process that it is sent to."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


def test_long_forms_are_checked_in_a_process_of_their_own_and_another_one_after_it_is_lost(
    doomed_site: Site,
) -> None:
    clara = new_author(doomed_site)
    server = doomed_site.process.pid  # type: ignore[union-attr]
    assert clara.sends(review(0, 5, "Kind people.")).status == 303 and not spawned_by(server)
    for seen, stars in ((1, 4), (2, 3)):
        answer = clara.sends(review(0, stars, LONG, seen))
        if answer.status == 503:  # the server did not know yet that the process was lost
            assert typed(answer)["text-0"] == LONG
            answer = clara.sends(review(0, stars, LONG, seen))
        assert answer.status == 303
        assert (clara.reviews[0].rating, clara.reviews[0].text) == (stars, LONG.strip())
        for process in spawned_by(server):
            os.kill(process, signal.SIGKILL)


def test_what_was_typed_is_shown_though_the_process_is_lost() -> None:
    request = Request({"type": "http", "path": "/r/1/x", "headers": [], "method": "POST"})
    sent = Sent("multipart/form-data", MULTIPART, Deadly(multipart({"text-0": LONG, "text-1": "And this."})))

    async def show() -> Response:
        return await Aside().show(request, Unavailable(sent))

    page = asyncio.run(show())
    assert page.status_code == 503 and b"And this." in page.body and LONG.encode() in page.body


def order(order_id: int) -> StoredOrder:
    return cast(StoredOrder, SimpleNamespace(shop=SimpleNamespace(id=1), order_id=order_id))


def form_of(length: int) -> Sent:
    return Sent("multipart/form-data", MULTIPART, bytes(length))


def test_the_long_forms_of_an_order_have_turns_and_nobody_else_waits_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aside, "LONG_EVERY", 0.3)
    turns, had = FormTurns(), []

    async def wait(name: str, order_id: int, length: int) -> None:
        assert await turns.wait(order(order_id), form_of(length))
        had.append((name, asyncio.get_running_loop().time()))

    async def several() -> None:
        long, short = SHORT_FORM + 1, SHORT_FORM
        names = (
            ("first", 1, long),
            ("second", 1, long),
            ("third", 1, long),
            ("short", 1, short),
            ("other", 2, long),
        )
        await asyncio.gather(*(wait(*each) for each in names))

    asyncio.run(several())
    at = dict(had)
    assert list(at)[-2:] == ["second", "third"] and max(at["short"], at["other"]) - at["first"] < 0.3
    assert at["second"] - at["first"] > 0.29 and at["third"] - at["second"] > 0.29


def test_who_comes_after_too_many_long_forms_of_the_order_keeps_what_was_typed(doomed_site: Site) -> None:
    clara = new_author(doomed_site)
    form = multipart({"lived": "1"} | review(0, 4, LONG))
    with ExitStack() as opened:
        lines = {}
        for _ in range(2 * MOST_AHEAD):
            line = opened.enter_context(closing(HTTPConnection("127.0.0.1", doomed_site.port)))
            line.request("POST", clara.links.review, form, HEADERS)
            lines[line.sock] = line
        status = 303
        while status == 303:  # the first is stored, the next ones wait for their turns, and one is refused
            [answered, *_], _, _ = select.select(list(lines), [], [], 20)
            response = lines.pop(answered).getresponse()
            status, page = response.status, response.read()
        assert status == 503 and typed(Answer(status, {}, page))["text-0"] == LONG
        assert clara.sends(review(0, 4, LONG), **{"Sec-Fetch-Site": "cross-site"}).status == 403
