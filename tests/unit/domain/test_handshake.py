"""Where a connecting client's token is found."""

import pytest

from realtime_core.auth.handshake import headers_of, subprotocol, token_of
from realtime_core.errors import TokenRefused

HEADER, OFFER, QUERY = "aaa.bbb.ccc", "ddd.eee.fff", "ggg.hhh.iii"
BEARER = {"Authorization": f"Bearer {HEADER}"}
OFFERED = {"Sec-WebSocket-Protocol": f"deals.v1, {OFFER}"}
ASKED = {"token": QUERY}


@pytest.mark.parametrize(
    ("headers", "query", "token"),
    [
        (BEARER, None, HEADER),
        ({"AUTHORIZATION": f"bearer   {HEADER} "}, {}, HEADER),
        (OFFERED, None, OFFER),
        ({"sec-websocket-protocol": f"{OFFER},deals.v1"}, None, OFFER),
        ({"sec-websocket-protocol": f"graphql-ws,deals.v1 ,  {OFFER}"}, None, OFFER),
        (None, ASKED, QUERY),
        ({"Host": "x"}, {"other": "1", **ASKED}, QUERY),
        # The first place that holds one.
        ({**OFFERED, **BEARER}, ASKED, HEADER),
        (OFFERED, ASKED, OFFER),
        ({"Authorization": "Basic dXNlcjpwYXNz", **OFFERED}, ASKED, OFFER),
        ({"Authorization": "Bearer", **OFFERED}, ASKED, OFFER),
        ({"Authorization": "Bearer  ", "Sec-WebSocket-Protocol": "deals.v1"}, ASKED, QUERY),
        ({"Authorization": HEADER}, ASKED, QUERY),
        # A bad token is one, too: what comes after it is not tried.
        ({"Authorization": "Bearer rubbish"}, ASKED, "rubbish"),
    ],
)
def test_token_of_is_that_of_the_first_place_that_holds_one(headers, query, token):
    assert token_of(headers, query) == token


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (None, None),
        ({}, {}),
        ({"Authorization": ""}, {"token": ""}),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, {"token": " "}),
        ({"Sec-WebSocket-Protocol": "deals.v1"}, {"Token": QUERY}),
        ({"Sec-WebSocket-Protocol": ""}, None),
    ],
)
def test_token_of_nowhere_is_refused_as_missing(headers, query):
    with pytest.raises(TokenRefused) as caught:
        token_of(headers, query)
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
def test_subprotocol_is_selected_only_where_it_is_offered(headers, selected):
    assert subprotocol(headers) == selected


def test_headers_sent_in_several_lines_count_together():
    event = {
        "headers": {"Sec-WebSocket-Protocol": OFFER, "Host": "x"},
        "multiValueHeaders": {"Sec-WebSocket-Protocol": ["deals.v1", OFFER], "Host": ["x"]},
    }
    assert subprotocol(headers_of(event)) == "deals.v1"
    assert token_of(headers_of(event), None) == OFFER


def test_two_tokens_of_one_header_are_no_token_that_is_good():
    lines = [f"Bearer {HEADER}", f"Bearer {OFFER}"]
    event = {"headers": {"Authorization": lines[1]}, "multiValueHeaders": {"Authorization": lines}}
    assert token_of(headers_of(event), ASKED) not in {HEADER, OFFER, QUERY}


def test_headers_of_an_event_without_lines_are_its_headers():
    assert headers_of({"headers": OFFERED, "multiValueHeaders": None}) == OFFERED
    assert headers_of({"headers": None}) == {}
