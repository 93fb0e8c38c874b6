"""The people of a shop: who is invited, changed and removed, and that an owner stays."""

import re
import threading

import pytest

from afterword.actions.users import invite, remove
from afterword.base.errors import Refused
from afterword.store.engine.database import Database
from afterword.store.users import put_role, put_user, team_of
from tests.store.cast import NOW, Member
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed, sign_in
from tests.web.reviewed import Reviewed


def roles_in(reviewed: Reviewed) -> dict[str, str]:
    team = reviewed.site.read(lambda tx: team_of(tx, reviewed.shop))
    return {each.user.email.partition("@")[0].rstrip("0123456789"): each.role for each in team}


def address_of(reviewed: Reviewed, name: str) -> str:
    return f"{name}{reviewed.shop.id}@alba.example"


def test_an_owner_invites_someone_who_can_then_sign_in(owner: Signed, reviewed: Reviewed) -> None:
    email = address_of(reviewed, "tess")
    pressed = owner.press("/team", email=email.upper(), role="reader")
    assert pressed.headers["location"].endswith("/team?done=invited")
    assert roles_in(reviewed) == {"owner": "owner", "tess": "reader"}
    tess = sign_in(reviewed.site, reviewed.shop, email, "reader")
    page = plain(tess.get("/team").content)
    assert email in page and "Invite someone" not in page and "Sees orders" in page
    assert email not in reviewed.site.log and 'event="role given"' in reviewed.site.log


def test_wrong_input_is_kept(owner: Signed, reviewed: Reviewed) -> None:
    pressed = owner.press("/team", email="tess at", role="owner")
    page = pressed.content.decode()
    assert pressed.status == 422 and "Error: Team" in page and "Write an e-mail address" in page
    assert re.search(r'<input id="email"[^>]* value="tess at" aria-invalid="true"', page)
    assert '<input type="radio" id="owner" name="role" value="owner" checked>' in page
    assert owner.press("/team", email=address_of(reviewed, "tess"), role="king").status == 422
    again = owner.press("/team", email=address_of(reviewed, "owner"), role="reader")
    assert again.status == 422 and "on the team already" in plain(again.content)
    assert roles_in(reviewed) == {"owner": "owner"}


def test_a_role_is_changed_and_taken_away(owner: Signed, moderator: Signed, reviewed: Reviewed) -> None:
    email = address_of(reviewed, "moderator")
    assert owner.press("/team/role", email=email, role="reader").status == 303
    assert roles_in(reviewed)["moderator"] == "reader" and moderator.press("/suppressions").status == 403
    [(number,)] = reviewed.member.rows("SELECT user_id FROM users WHERE email = :email", {"email": email})
    assert f"Remove {email}?" in plain(owner.get(f"/team?remove={number}").content)
    assert owner.press("/team/remove", email=email).headers["location"].endswith("/team?done=removed")
    assert roles_in(reviewed) == {"owner": "owner"} and moderator.get("/team").status != 200
    assert owner.press("/team/remove", email=email).status == 404
    assert owner.press("/team/role", email=email, role="owner").status == 404
    assert owner.press("/team/role", email=address_of(reviewed, "owner"), role="king").status == 400


def test_a_shop_keeps_an_owner(owner: Signed, reviewed: Reviewed) -> None:
    email = address_of(reviewed, "owner")
    for pressed in (
        owner.press("/team/remove", email=email.upper()),
        owner.press("/team/role", email=email, role="moderator"),
    ):
        assert pressed.status == 409 and "keeps at least one owner" in plain(pressed.content)
    assert roles_in(reviewed) == {"owner": "owner"}
    assert owner.press("/team", email=address_of(reviewed, "other"), role="owner").status == 303
    assert owner.press("/team/remove", email=email).headers["location"].endswith("../dashboard")
    assert roles_in(reviewed) == {"other": "owner"}


def test_only_an_owner_changes_the_team(
    moderator: Signed, reader: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    before = roles_in(reviewed)
    email = address_of(reviewed, "reader")
    for path in ("/team", "/team/role", "/team/remove"):
        assert moderator.press(path, email=email, role="owner").status == 403
        assert reader.press(path, email=email, role="owner").status == 403
        assert stranger.of(reviewed.shop).press(path, email=email, role="owner").status == 404
    assert stranger.press("/team/remove", email=email).status == 404
    assert stranger.press("/team/role", email=email, role="owner").status == 404
    assert email not in stranger.get("/team").content.decode()
    assert roles_in(reviewed) == before


def test_of_two_owners_who_remove_each_other_one_stays(database: Database, alba: Member) -> None:
    def make_two(tx: object) -> None:
        for email in ("ann@alba.example", "ben@alba.example"):
            put_role(tx, put_user(tx, email, NOW), alba.shop, "owner", NOW)  # type: ignore[arg-type]

    database.write_now(make_two)
    refused = []

    def leave(email: str) -> None:
        try:
            database.write_now(lambda tx: remove(tx, alba.shop, email))
        except Refused as error:
            refused.append(str(error))

    leaving = [threading.Thread(target=leave, args=[f"{name}@alba.example"]) for name in ("ann", "ben")]
    for each in leaving:
        each.start()
    for each in leaving:
        each.join()
    [left] = database.read_now(lambda tx: team_of(tx, alba.shop))
    assert left.role == "owner" and len(refused) == 1
    with pytest.raises(Refused):
        database.write_now(lambda tx: invite(tx, alba.shop, left.user.email, "reader", NOW))
