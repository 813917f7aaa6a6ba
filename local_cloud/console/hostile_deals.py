"""Deals as an enemy would publish them: valid events whose texts try to become something else on a page."""

from __future__ import annotations

from typing import Any

TOPIC = "hostile.deals"
LARGE_CHARS = 120 * 1024
_NESTED = 40

_RIGHT_TO_LEFT_OVERRIDE, _POP_DIRECTION = "\u202e", "\u202c"
_RIGHT_TO_LEFT_ISOLATE, _ZERO_WIDTH_SPACE, _ZERO_WIDTH_JOINER, _BYTE_ORDER_MARK = (
    "\u2067",
    "\u200b",
    "\u200d",
    "\ufeff",
)
_STACKED_MARKS = "\u0300\u0301\u0302\u0303\u0489" * 20

_TEXTS = {
    "script": "<script>document.title = 'taken over'</script>",
    "attribute": '"><img src=x onerror="document.title=\'taken over\'">',
    "address": "javascript:document.title='taken over'",
    "template": "{{constructor.constructor('document.title=1')()}} ${document.title=1} <%= 1 %>",
    "direction": f"Total {_RIGHT_TO_LEFT_OVERRIDE}00.001{_POP_DIRECTION} {_RIGHT_TO_LEFT_ISOLATE}open",
    "invisible": f"Tra{_ZERO_WIDTH_SPACE}vel{_ZERO_WIDTH_JOINER}{_BYTE_ORDER_MARK} deal",
    "stacked": f"Z{_STACKED_MARKS}algo",
    "control": "first line\r\n\tsecond \u0007 \u001b[31mred\u001b[0m \u0085 \u2028 end",
    "unbroken": "W" * 3_000,
    "large": "large " * (LARGE_CHARS // 6),
}


def build_hostile_deals() -> list[dict[str, Any]]:
    """Return events without ids: one for each trick in the title, and one with hostile names and values.

    Their attributes are those of a good deal, so most people's wishes match them.
    """
    deals: list[dict[str, Any]] = [
        {"title": text, "merchant": text[:200], "trick": trick} for trick, text in _TEXTS.items()
    ]
    deals.append(
        {
            "title": "Hostile names and values",
            "trick": "names",
            "__proto__": {"polluted": True},
            "constructor": {"prototype": {"polluted": True}},
            "toString": "no function",
            "<b>name</b>": "markup in a name",
            "": "an empty name",
            "listPrice": -1e308,
            "nested": _nest(_NESTED),
            "tags": ["flash", "<i>tag</i>", f"{_RIGHT_TO_LEFT_OVERRIDE}gat"],
        }
    )
    return [_build_event({**_GOOD, **deal}) for deal in deals]


_GOOD = {
    "category": "electronics",
    "price": 9.99,
    "listPrice": 99.9,
    "discountPercentage": 90,
    "currency": "EUR",
    "inStock": True,
    "tags": ["flash", "free-shipping"],
}


def _build_event(data: dict[str, Any]) -> dict[str, Any]:
    filters = {"category": "electronics", "discount": 90, "price": 9.99}
    return {"messageType": "dealUpdate", "topic": TOPIC, "filters": filters, "data": data}


def _nest(depth: int) -> Any:
    value: Any = "the bottom"
    for _ in range(depth):
        value = {"deeper": value}
    return value
