from typing import Any

import pytest


@pytest.fixture
def published() -> dict[str, Any]:
    """The example of the published page, with a real e-mail address and a real web address."""
    product = {
        "id": "100",
        "name": "My Product 100",
        "category_id": "cat1",
        "category_name": "Category 1",
        "qty": "1",
        "unit_price": "25.90",
        "mpn": "MPN100",
        "ean13": "1234567890123",
        "sku": "SKU100",
        "upc": "UPCCODE",
        "url": "https://bakery.example/100",
    }
    return {
        "id_order": "1234",
        "order_date": "2019-01-01 12:00:00",
        "firstname": "John",
        "lastname": "Doe",
        "email": "john.doe@shop.example",
        "reference": "12345678",
        "products": [product],
    }
