"""GTINs: the numbers by which products are known beyond their shop (EAN, UPC, ISBN)."""

import re

from afterword.domain.orders.order import OrderLine

_LENGTHS = (8, 12, 13, 14)


def gtins_of(product: OrderLine) -> list[str]:
    """The valid GTINs of a product, in digits, without repetition: its `ean13`, then its `upc`."""
    read = (_gtin(code) for code in (product.ean13, product.upc) if code)
    return list(dict.fromkeys(gtin for gtin in read if gtin))


def _gtin(code: str) -> str | None:
    """The digits of a GTIN, or None if the code is not a valid one, which search engines would refuse (GS1 General
    Specifications 7.9: the last digit is a check digit)."""
    digits = re.sub("[ -]", "", code)
    if not (digits.isascii() and digits.isdigit() and len(digits) in _LENGTHS) or not int(digits):
        return None
    weighed = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(reversed(digits)))
    return None if weighed % 10 else digits
