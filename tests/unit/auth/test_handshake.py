"""The token and the subprotocol of a handshake."""

import pytest

from realtime_core.auth.handshake import find_token, read_headers, select_subprotocol
from realtime_core.errors import TokenRefused

HEADER, QUERY = "aaa.bbb.ccc", "ggg.hhh.iii"
OFFER = "eyJhbGciOiJIUzI1NiJ9.e30.x"
"""Its first part is the JSON object {"alg": "HS256"}."""
BEARER = {"Authorization": f"Bearer {HEADER}"}
OFFERED = {"Sec-WebSocket-Protocol": f"deals.v1, {OFFER}"}
IN_QUERY = {"token": QUERY}


@pytest.mark.parametrize(
    ("headers", "query", "token"),
    [
        (BEARER, None, HEADER),
        ({"AUTHORIZATION": f"bearer   {HEADER} "}, {}, HEADER),
        (OFFERED, None, OFFER),
        ({"sec-websocket-protocol": f"{OFFER},deals.v1"}, None, OFFER),
        ({"sec-websocket-protocol": f"graphql-ws,deals.v1 ,  {OFFER}"}, None, OFFER),
        # Other protocols have dots as well: the token follows deals.v1, or begins with a JSON object.
        ({"sec-websocket-protocol": f"base64.bearer.token, deals.v1, {OFFER}"}, None, OFFER),
        ({"sec-websocket-protocol": f"base64.bearer.token, {OFFER}, deals.v1"}, None, OFFER),
        ({"sec-websocket-protocol": f"{OFFER}, v12.stomp.x, deals.v1"}, None, OFFER),
        # {"a":1} and {"a":12}: base64url without its one or two characters of padding.
        ({"sec-websocket-protocol": "base64.bearer.token, eyJhIjoxfQ.x.y, deals.v1"}, None, "eyJhIjoxfQ.x.y"),
        (
            {"sec-websocket-protocol": "base64.bearer.token, eyJhIjoxMn0.x.y, deals.v1"},
            None,
            "eyJhIjoxMn0.x.y",
        ),
        ({"sec-websocket-protocol": f"deals.v1, graphql-ws, {OFFER}"}, None, OFFER),
        ({"sec-websocket-protocol": f"deals.v1, base64.bearer.token, {OFFER}"}, None, OFFER),
        ({"sec-websocket-protocol": "v12.stomp, deals.v1, no-token"}, None, "no-token"),
        (None, IN_QUERY, QUERY),
        ({"Host": "x"}, {"other": "1", **IN_QUERY}, QUERY),
        # Several tokens: precedence decides.
        ({**OFFERED, **BEARER}, IN_QUERY, HEADER),
        (OFFERED, IN_QUERY, OFFER),
        ({"Authorization": "Basic dXNlcjpwYXNz", **OFFERED}, IN_QUERY, OFFER),
        ({"Authorization": "Bearer", **OFFERED}, IN_QUERY, OFFER),
        ({"Authorization": "Bearer  ", "Sec-WebSocket-Protocol": "deals.v1"}, IN_QUERY, QUERY),
        ({"Authorization": HEADER}, IN_QUERY, QUERY),
        # An invalid token counts too: later places are not tried.
        ({"Authorization": "Bearer rubbish"}, IN_QUERY, "rubbish"),
    ],
)
def test_find_token_returns_the_first_token_by_precedence(headers, query, token):
    assert find_token(headers, query) == token


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (None, None),
        ({}, {}),
        ({"Authorization": ""}, {"token": ""}),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, {"token": " "}),
        ({"Sec-WebSocket-Protocol": "deals.v1"}, {"Token": QUERY}),
        ({"Sec-WebSocket-Protocol": ""}, None),
        ({"Sec-WebSocket-Protocol": "base64.bearer.token, deals.v1"}, None),
        ({"Sec-WebSocket-Protocol": "W10.x.y, bnVsbA.x.y, deals.v1"}, None),
    ],
)
def test_find_token_without_a_token_raises_missing(headers, query):
    with pytest.raises(TokenRefused) as caught:
        find_token(headers, query)
    assert (caught.value.status, caught.value.reason) == (401, "missing")


@pytest.mark.parametrize(
    ("headers", "selected"),
    [
        (OFFERED, "deals.v1"),
        ({"sec-websocket-protocol": "other,deals.v1"}, "deals.v1"),
        ({"sec-websocket-protocol": "deals.v2"}, None),
        ({"sec-websocket-protocol": ""}, None),
        ({}, None),
        (None, None),
    ],
)
def test_select_subprotocol_only_if_it_is_offered(headers, selected):
    assert select_subprotocol(headers) == selected


def test_read_headers_joins_repeated_headers():
    event = {
        "headers": {"Sec-WebSocket-Protocol": OFFER, "Host": "x"},
        "multiValueHeaders": {"Sec-WebSocket-Protocol": ["deals.v1", OFFER], "Host": ["x"]},
    }
    assert select_subprotocol(read_headers(event)) == "deals.v1"
    assert find_token(read_headers(event), None) == OFFER


def test_two_tokens_in_a_header_give_neither():
    lines = [f"Bearer {HEADER}", f"Bearer {OFFER}"]
    event = {"headers": {"Authorization": lines[1]}, "multiValueHeaders": {"Authorization": lines}}
    assert find_token(read_headers(event), IN_QUERY) not in {HEADER, OFFER, QUERY}


def test_read_headers_without_multi_value_headers():
    assert read_headers({"headers": OFFERED, "multiValueHeaders": None}) == OFFERED
    assert read_headers({"headers": None}) == {}
