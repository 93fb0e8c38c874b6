"""What Schemathesis needs to get past the door: a test key in what it makes up, and a link that leads somewhere.

It is loaded by Schemathesis itself (SCHEMATHESIS_HOOKS), in a process of its own.
"""

import json
import os
from typing import Any

import schemathesis
from hypothesis import strategies as st

KEY = os.environ["FUZZ_KEY"]
PUBLIC_KEY = os.environ["FUZZ_PUBLIC_KEY"]
LINKS = {
    "GET /r/{shop}/{token}": os.environ["FUZZ_REVIEW"],
    "POST /r/{shop}/{token}": os.environ["FUZZ_REVIEW"],
    "*": os.environ["FUZZ_UNSUBSCRIBE"],
}

ORDER = {
    "id_order": st.uuids().map(str),
    "order_date": st.datetimes().map(lambda moment: moment.isoformat(" ", "seconds")),
    "firstname": st.text(min_size=1, max_size=20),
    "lastname": st.text(min_size=1, max_size=20),
    "email": st.emails(),
}
ORDERS = st.lists(st.fixed_dictionaries(ORDER), min_size=1, max_size=4)
"""Orders that can be imported: Schemathesis itself seldom hits upon a real date."""


@schemathesis.hook
def flatmap_body(context: schemathesis.HookContext, body: Any) -> st.SearchStrategy[Any]:
    """Adds good orders to what was made up."""
    orders = body.get("orders") if isinstance(body, dict) else None
    if isinstance(orders, str):
        return ORDERS.map(lambda more: {**body, "orders": json.dumps([*array_of(orders), *more])})
    if isinstance(orders, list):
        return ORDERS.map(lambda more: {**body, "orders": [*orders, *more]})
    return st.just(body)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Puts a real key in the place of a made-up one, and a real link in that of every other made-up link."""
    if isinstance(case.body, dict) and isinstance(case.body.get("api_key"), str):
        case.body["api_key"] = KEY
        if isinstance(case.body.get("orders"), str):
            case.body["orders"] = json.dumps(array_of(case.body["orders"]))
    if isinstance(case.query, dict) and "api_key" in case.query:
        case.query["api_key"] = KEY
    if sum(str((case.path_parameters or {}).get("public_key", "")).encode()) % 2:
        case.path_parameters["public_key"] = PUBLIC_KEY
    made_up = str((case.path_parameters or {}).get("token", ""))
    if sum(made_up.encode()) % 2:
        _, _, shop, token = LINKS.get(case.operation.label, LINKS["*"]).split("/")
        case.path_parameters.update(shop=shop, token=token)


def array_of(text: str) -> list[Any]:
    """The array that a form's `orders` holds: any other JSON, which Schemathesis may write there, as its element."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, list) else [value]
