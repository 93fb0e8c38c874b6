"""The fields of an order and of the answer, as pydantic checks them."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    NaiveDatetime,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)


def _none_when_empty(value: Any) -> Any:
    return None if value == "" or value is False else value


def _none_unless_web(value: Any) -> Any:
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None


Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
UniqueText = Annotated[str, StringConstraints(min_length=1, max_length=191)]
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Price = Annotated[Decimal, Field(ge=0), PlainSerializer(str)]
Optional = BeforeValidator(_none_when_empty)
OptionalText = Annotated[Text | None, Optional]
WebAddress = Annotated[Text | None, BeforeValidator(_none_unless_web)]


class Fields(BaseModel):
    """Numbers are taken as text, and white space around a text is cut off."""

    model_config = ConfigDict(coerce_numbers_to_str=True, str_strip_whitespace=True)


class ProductIn(Fields):
    id: Integer
    name: Text
    category_id: OptionalText = None
    category_name: OptionalText = None
    qty: Annotated[int | None, Field(ge=0, lt=2**63), Optional] = None
    unit_price: Annotated[Price | None, Optional] = None
    mpn: OptionalText = None
    ean13: OptionalText = None
    sku: OptionalText = None
    upc: OptionalText = None
    url: WebAddress = None
    image_url: WebAddress = None
    variant_id: Annotated[Integer | None, Optional] = None


class OrderIn(Fields):
    id_order: UniqueText
    order_date: NaiveDatetime
    firstname: Text
    lastname: Text
    email: EmailStr
    reference: Annotated[UniqueText | None, Optional] = None
    store_id: Annotated[Integer | None, Optional] = None
    phone: OptionalText = None
    products: Annotated[list[ProductIn], Field(max_length=1_000)] = []


class Answer(BaseModel):
    success: int
    orders_count: int = 0
    orders_imported: int = 0
    message: str | None = None


class Wrong(BaseModel):
    """The places of missing fields, and of invalid ones with what was expected."""

    missing: list[str] = []
    invalid: list[str] = []

    def add(self, index: int, error: ValidationError) -> None:
        for each in error.errors(include_url=False, include_context=False):
            place = f"orders[{index}]" + "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"]
            )
            if each["type"] == "missing" or each["input"] in (None, ""):
                self.missing.append(place)
            else:
                self.invalid.append(f"{place} ({each['msg']})")
