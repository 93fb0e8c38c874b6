"""Long forms are checked and shown beside the server: no word is lost with that process."""

import asyncio
import os
import signal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from afterword.domain.reviews.review import LONGEST_REVIEW
from afterword.web.customer.aside import SHORT_FORM, Aside
from afterword.web.customer.reading import Sent
from afterword.web.customer.showing import Unavailable
from tests.processes import spawned_by
from tests.web.conftest import Site
from tests.web.customer.conftest import new_author, review, typed
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
