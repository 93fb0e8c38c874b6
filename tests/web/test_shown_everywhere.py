"""A customer's name and a product, as shops' databases hold them: every place shows the same, and shows it right."""

import json
import re
from html import unescape
from itertools import count
from typing import Any, NamedTuple

import pytest

from afterword.domain.messages import MessageOrder
from afterword.store.shops import NewKeys, change_shop, find_shop
from tests.google_feed import Reviewed as Listed
from tests.google_feed import check_feed
from tests.mail.conftest import message, text_of
from tests.store.databases import act, ask
from tests.web.conftest import Links, Site
from tests.web.customer.conftest import Author, plain, review
from tests.web.reviewed import PUBLIC

_numbers = count(1)


class Bought(NamedTuple):
    """An order of one product at a shop of its own that takes what is incomplete, which Clara has reviewed."""

    author: Author
    keys: NewKeys

    @classmethod
    def new(cls, site: Site, product: dict[str, Any] | None = None, **changes: object) -> "Bought":
        keys = site.new_shop()
        act(site, change_shop, ask(site, find_shop, keys.private_key.partition("/")[0]), orders="tolerant")
        line = {"id": 100, "name": "Rye bread"} | (product or {})
        links: Links = site.links(keys.private_key, f"E-{next(_numbers)}", products=[line], **changes)
        return cls(Author(site, links), keys)

    def is_reviewed(self) -> None:
        assert self.author.sends(review(1, 4, "Good bread.")).status == 303

    @property
    def e_mail(self) -> str:
        order = self.author.links.order
        about = MessageOrder(order.order_id, order.id_order, order.reference, order.order_date, order.lines)
        names = {"firstname": order.firstname, "lastname": order.lastname}
        return text_of(message("invitation", about), self.author.shop, **names)

    def page(self, scope: str = "100") -> str:
        answer = self.author.site.get(f"/s/{self.author.shop.id}/products/{scope}")
        assert answer.status == 200
        return answer.content.decode()

    @property
    def structured(self) -> dict[str, Any]:
        [found] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', self.page())
        data: dict[str, Any] = json.loads(found)
        return data

    @property
    def in_api(self) -> dict[str, Any]:
        answer = self.author.site.get(f"{PUBLIC}/{self.keys.public_key}/100")
        [found] = json.loads(answer.content)["reviews"]
        return dict(found)

    @property
    def in_feed(self) -> Listed:
        [found] = check_feed(
            self.author.site.get(f"/public/v3/feeds/{self.keys.public_key}/google.xml").content
        )
        return found


@pytest.mark.parametrize(
    ("firstname", "lastname", "public"),
    [
        ("Clara", "Núñez", "Clara N."),
        ("Suharto", "-", "Suharto"),
        ("Suharto", ".", "Suharto"),
        ("Suharto", "", "Suharto"),
        ("Jan", "'t Hart", "Jan H."),
        ("Jean", "(Société X)", "Jean S."),
        ("Jean", '"Jo" Martin', "Jean J."),
        ("Clara", "\u200b", "Clara"),
        ("Clara Nunez", "Nunez", "Clara N."),
        ("小明", "王", "小明"),
        ("민수", "김", "민수"),
        ("Uwe", "ßeta", "Uwe S."),
        ("Ravi", "श्रीवास्तव", "Ravi श्."),
        ("Sinéad", "O&#039;Brien", "Sinéad O."),
        ("Ma.Theresa", "Santos", ""),
        ("Clara", "www.evil.example", ""),
        ("", "Nunez", ""),
    ],
)
def test_a_name_is_one_in_the_e_mail_the_form_the_page_the_api_the_feed_and_the_structured_data(
    site: Site, firstname: str, lastname: str, public: str
) -> None:
    bought = Bought.new(site, firstname=firstname, lastname=lastname)
    shown = public or "A customer"
    assert f'public and signed "{shown}"; your surname' in bought.e_mail
    assert f"published as {shown} , with its date" in bought.author.reads()
    bought.is_reviewed()
    assert re.findall(r"<strong>([^<\d]*?(?:<bdi>.*?</bdi>)?)</strong></p>", bought.page()) == [
        f"<bdi>{public}</bdi>" if public else shown
    ]
    assert bought.in_api["c"] == public
    assert bought.in_feed.text("reviewer/name") == (public or "Anonymous")
    assert bought.structured["review"][0]["author"] == {"@type": "Person", "name": shown}


def test_an_order_without_a_first_name_is_greeted_without_one(site: Site) -> None:
    assert Bought.new(site, firstname=None, lastname=None).e_mail.startswith("Hello,\n\n")
    assert Bought.new(site, lastname=None).e_mail.startswith("Hello Clara,\n\n")


def test_a_products_name_has_no_tags_anywhere(site: Site) -> None:
    bought = Bought.new(site, {"name": "Rye <em>bread</em><br/>1 kg &amp; more"})
    name = "Rye bread 1 kg & more"
    assert f"- {name}\n" in bought.e_mail
    assert f"Product {name}" in bought.author.reads()
    bought.is_reviewed()
    assert f"Reviews of {name}" in plain(bought.author.site.get(f"/s/{bought.author.shop.id}/products/100"))
    assert bought.in_feed.text("products/product/product_name") == bought.structured["name"] == name


def test_an_address_that_a_shop_escapes_leads_to_the_product(site: Site) -> None:
    bought = Bought.new(site, {"url": "https://shop.example/p?id=1&amp;lang=fr"})
    bought.is_reviewed()
    address = "https://shop.example/p?id=1&lang=fr"
    assert bought.in_feed.text("products/product/product_url") == address
    assert address in map(unescape, re.findall(r'href="([^"]*)"', bought.page()))


@pytest.mark.parametrize(
    ("codes", "gtins"),
    [
        ({"ean13": "1234567890123"}, []),
        ({"ean13": "0000000000000"}, []),
        ({"ean13": "ABC-123"}, []),
        ({"ean13": 12345678905}, []),
        ({"upc": "036000291452"}, ["036000291452"]),
        ({"ean13": "978-2-07-036822-8"}, ["9782070368228"]),
        ({"ean13": "4006381333931", "upc": "036000291452"}, ["4006381333931", "036000291452"]),
    ],
)
def test_the_feed_and_the_structured_data_have_the_same_valid_gtins(
    site: Site, codes: dict[str, object], gtins: list[str]
) -> None:
    bought = Bought.new(site, codes)
    bought.is_reviewed()
    assert bought.in_feed.texts("products/product/product_ids/gtins/gtin") == gtins
    assert [bought.structured[name] for name in ("gtin",) if name in bought.structured] == gtins[:1]


HONEST = {
    "pt": [
        "Produto excelente. Com certeza comprarei de novo.",
        "A loja entrega tudo o que a gente pede.",
        "Comprei no site lojapao.com.br e chegou com atraso.",
    ],
    "it": ["Tutto perfetto.Io lo consiglio a tutti."],
    "sv": ["Slut i lager men bra service."],
    "no": ["Veldig god pute."],
    "es": ["Se lo regalé a Kike."],
    "ca": ["El color negre. Com sempre, molt bé."],
}


@pytest.mark.parametrize("lang", HONEST)
def test_honest_words_are_published_at_once(site: Site, lang: str) -> None:
    keys = site.new_shop(lang=lang, site="https://www.lojapao.com.br")
    for text in HONEST[lang]:
        author = Author(site, site.links(keys.private_key, f"H-{next(_numbers)}"))
        assert author.sends(review(0, 1, text)).status == 303
        [written] = author.reviews.values()
        assert (written.state, written.flags) == ("published", ()), text
