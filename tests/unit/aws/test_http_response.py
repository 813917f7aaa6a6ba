import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.aws.http_response import HEAD_BYTES_MAX, BadResponse, HttpResponse, ResponseParser

BODY_BYTES_MAX = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nx-amzn-ErrorType: GoneException:http://aws/\r\nContent-Length: 2\r\n\r\n{}"

# What was received: status, whether the connection is reusable, body, error type.
COMPLETE = {
    OK: (200, True, b"", ""),
    b"HTTP/1.1 200 OK\r\ncontent-length:  5 \r\n\r\nhello": (200, True, b"hello", ""),
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello": (200, True, b"hello", ""),
    b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n\r\n\r\n\n": (200, True, b"\r\n\r\n\n", ""),
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n": (200, False, b"", ""),
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive, CLOSE\r\n\r\n": (200, False, b"", ""),
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n": (200, False, b"", ""),
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n": (200, True, b"", ""),
    b"HTTP/1.1 204\r\n\r\n": (204, True, b"", ""),
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n": (304, True, b"", ""),
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK: (200, True, b"", ""),
    b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + GONE: (410, True, b"{}", "GoneException"),
    CHUNKED + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n": (200, True, b"abc0123456789", ""),
    CHUNKED + b"002 \t\r\n\r\n\r\n0\r\nExpires: never\r\nA: b\r\n\r\n": (200, True, b"\r\n", ""),
    GONE: (410, True, b"{}", "GoneException"),
    b"HTTP/1.1 429 \r\nX-Amzn-Errortype: LimitExceededException\r\nContent-Length: 0\r\n\r\n": (
        429, True, b"", "LimitExceededException"
    ),
}  # fmt: skip


def new_parser():
    return ResponseParser(BODY_BYTES_MAX)


def summary(response):
    return response and (response.status, response.reusable, response.body, response.error_type)


@pytest.mark.parametrize("raw", COMPLETE, ids=range(len(COMPLETE)))
def test_a_response_is_the_same_in_whatever_pieces_it_comes(raw):
    for size in (1, 2, 3, 7, 16, len(raw)):
        parser = new_parser()
        responses = [parser.feed(raw[at : at + size]) for at in range(0, len(raw), size)]
        assert summary(responses[-1]) == COMPLETE[raw]
        assert not any(responses[:-1]), "a response before its end"


@pytest.mark.parametrize("raw", COMPLETE, ids=range(len(COMPLETE)))
def test_half_a_response_is_refused(raw):
    for cut in range(1, len(raw)):
        parser = new_parser()
        assert parser.feed(raw[:cut]) is None
        if raw[:cut].endswith(b"Continue\r\n\r\n"):
            assert parser.end() is None, "an interim response is complete"
            continue
        with pytest.raises(BadResponse, match="half"):
            parser.end()


def test_a_parser_takes_one_response_after_another():
    parser = new_parser()
    for raw, expected in COMPLETE.items():
        assert summary(parser.feed(raw)) == expected


def test_headers_are_found_by_lower_case_name_and_come_as_they_were_sent():
    response = new_parser().feed(b"HTTP/1.1 200 OK\r\nX-Amz-Id:  a B \r\nContent-Length: 1\r\n\r\n:")

    assert response.header(b"x-amz-id") == b"a B"
    assert response.header(b"content-length") == b"1"
    assert response.header(b"id") is None
    assert new_parser().feed(OK).header(b"date") == b"today"
    assert HttpResponse(200, b"x-amz-id: 1").header(b"x-amz-id") is None


def test_a_response_without_a_length_ends_with_its_connection():
    parser = new_parser()
    assert parser.feed(b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>") is None
    assert parser.feed(b"</html>") is None
    assert summary(parser.end()) == (502, False, b"<html></html>", "")


def test_a_connection_that_closes_before_a_response_gives_none():
    assert new_parser().end() is None


@pytest.mark.parametrize("extra", [b"x", OK, b"\r\n"])
@pytest.mark.parametrize("raw", [OK, GONE, CHUNKED + b"0\r\n\r\n"])
def test_a_connection_that_sends_more_than_one_response_is_not_used_again(raw, extra):
    response = new_parser().feed(raw + extra)
    assert (response.status, response.reusable) == (COMPLETE.get(raw, [200])[0], False)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200x\r\n\r\n",
        b"HTTP/1.1 200 O\nK\r\n\r\n",
        b"HTTP/1.1 \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"1_0\r\n",
        CHUNKED + b"0x1\r\n",
        CHUNKED + b" 1\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"000000001\r\n",
        CHUNKED + b"3\r\nabcdef\r\n",
        CHUNKED + b"%x\r\n" % (BODY_BYTES_MAX + 1),
        CHUNKED + b"%x\r\n%b\r\n1\r\n" % (BODY_BYTES_MAX, b"x" * BODY_BYTES_MAX),
    ],
)
def test_bytes_that_are_not_a_response_are_refused(raw):
    with pytest.raises(BadResponse):
        new_parser().feed(raw)


@pytest.mark.parametrize("piece", [b"x" * 65_536, b"y: z\r\n" * 10_000], ids=["one line", "many lines"])
@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nx: ", OK[:-2], CHUNKED + b"0;", CHUNKED + b"0\r\n"])
def test_a_response_whose_head_or_trailers_have_no_end_is_refused(start, piece):
    fed = feed_until_refused(new_parser(), start, piece)
    assert fed <= HEAD_BYTES_MAX + 2 * len(piece)


def test_a_response_whose_body_has_no_end_is_refused():
    fed = feed_until_refused(new_parser(), b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536)
    assert fed <= BODY_BYTES_MAX + 2 * 65_536


def feed_until_refused(parser, start, piece):
    """Feed the piece again and again; return how many bytes were fed before the parser refused them."""
    parser.feed(start)
    for count in range(BODY_BYTES_MAX // len(piece) + 2):
        try:
            assert parser.feed(piece) is None
        except BadResponse:
            return count * len(piece)
    raise AssertionError("a response without an end was taken")


@pytest.mark.parametrize("size", [1, 16_384, 1_000_000])
def test_a_large_body_is_put_together_whole(size):
    body = bytes(range(256)) * 4_000
    chunks = b"".join(b"%x\r\n%b\r\n" % (4_096, body[at : at + 4_096]) for at in range(0, len(body), 4_096))
    for raw in (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
        CHUNKED + chunks + b"0\r\n\r\n",
    ):
        parser = new_parser()
        responses = [parser.feed(raw[at : at + size]) for at in range(0, len(raw), size)]
        assert responses[-1].body == body


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_noise_is_refused_or_waited_on_but_breaks_nothing(pieces):
    parser = new_parser()
    try:
        for piece in pieces:
            response = parser.feed(piece)
            assert response is None or 200 <= response.status <= 999
        parser.end()
    except BadResponse:
        pass
