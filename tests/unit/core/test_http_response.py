import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.aws.http_response import (
    BODY_BYTES_MAX,
    BadResponse,
    Response,
    ResponseParser,
)

OK = b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nx-amzn-ErrorType: GoneException:http://aws/\r\nContent-Length: 2\r\n\r\n{}"

WHOLE = {
    OK: Response(200, True),
    b"HTTP/1.1 200 OK\r\ncontent-length:  5 \r\n\r\nhello": Response(200, True),
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n": Response(200, False),
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive, CLOSE\r\n\r\n": Response(200, False),
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n": Response(200, False),
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n": Response(200, True),
    b"HTTP/1.1 204\r\n\r\n": Response(204, True),
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK: Response(200, True),
    CHUNKED + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n": Response(200, True),
    CHUNKED + b"0\r\nExpires: never\r\n\r\n": Response(200, True),
    GONE: Response(410, True, "GoneException"),
    b"HTTP/1.1 429 \r\nX-Amzn-Errortype: LimitExceededException\r\nContent-Length: 0\r\n\r\n": Response(
        429, True, "LimitExceededException"
    ),
}  # fmt: skip


@pytest.mark.parametrize("raw", WHOLE, ids=range(len(WHOLE)))
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(raw):
    for size in (1, 2, 3, 7, 16, len(raw)):
        parser = ResponseParser()
        answers = [parser.feed(raw[at : at + size]) for at in range(0, len(raw), size)]
        assert answers[-1] == WHOLE[raw]
        assert not any(answers[:-1]), "an answer before its end"


@pytest.mark.parametrize("raw", WHOLE, ids=range(len(WHOLE)))
def test_half_an_answer_is_none(raw):
    for cut in range(1, len(raw)):
        parser = ResponseParser()
        assert parser.feed(raw[:cut]) is None
        if raw[:cut].endswith(b"Continue\r\n\r\n"):
            assert parser.end() is None, "an interim answer is whole"
            continue
        with pytest.raises(BadResponse, match="half"):
            parser.end()


def test_a_parser_takes_one_answer_after_another():
    parser = ResponseParser()
    for raw, response in WHOLE.items():
        assert parser.feed(raw) == response


def test_an_answer_without_a_length_ends_with_its_connection():
    parser = ResponseParser()
    assert parser.feed(b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>") is None
    assert parser.feed(b"</html>") is None
    assert parser.end() == Response(502, reusable=False)


def test_a_connection_that_closes_before_an_answer_gives_none():
    assert ResponseParser().end() is None


@pytest.mark.parametrize("raw", [OK + b"x", OK + OK, OK + b"\r\n"])
def test_a_connection_that_says_more_than_it_was_asked_is_not_used_again(raw):
    assert ResponseParser().feed(raw) == Response(200, reusable=False)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 200x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
    ],
)
def test_what_is_no_answer_is_refused(raw):
    with pytest.raises(BadResponse):
        ResponseParser().feed(raw)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_without_end_is_refused(start):
    def feed_on():
        parser = ResponseParser()
        for piece in [start, *[b"x" * 65_536] * (BODY_BYTES_MAX // 65_536 + 2)]:
            parser.feed(piece)

    with pytest.raises(BadResponse):
        feed_on()


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_noise_is_refused_or_waited_on_but_breaks_nothing(pieces):
    parser = ResponseParser()
    try:
        for piece in pieces:
            response = parser.feed(piece)
            assert response is None or 200 <= response.status <= 999
        parser.end()
    except BadResponse:
        pass
