"""Parsing of URLs and percent-encoding, compared with the standard library."""

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.urls import Url, parse_url, percent_encode


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example", Url("https", "a.example", None, "")),
        ("HTTPS://A.Example/Live/", Url("https", "a.example", None, "/Live/")),
        ("http://127.0.0.1:4566/_aws/x", Url("http", "127.0.0.1", 4566, "/_aws/x")),
        ("http://[::1]:9", Url("http", "::1", 9, "")),
        ("https://local_stack:65535/", Url("https", "local_stack", 65_535, "/")),
        ("https://a.example/k?a=1/#b", Url("https", "a.example", None, "/k")),
        ("https://a.example?a=1", Url("https", "a.example", None, "")),
    ],
)
def test_parse_url_agrees_with_the_standard_library(text, url):
    parts = urlsplit(text)
    assert parse_url(text) == url == Url(parts.scheme, parts.hostname, parts.port, parts.path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "wss://a.example",
        "https://",
        "https:///k",
        "https://a.example:0",
        "https://a.example:65536",
        "https://a.example:port",
        "https://me:secret@a.example",
        "https://127.0.0.1@a.example",
        "https://a.example/a b",
        "https://a.example/k\n",
        " https://a.example",
    ],
)
def test_parse_url_rejects_anything_else(text):
    with pytest.raises(ValueError, match="http or https"):
        parse_url(text)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["", "/", "/=@"]))
def test_percent_encode_agrees_with_the_standard_library(text, keep):
    assert percent_encode(text, keep=keep.encode()) == quote(text, safe=keep)
