"""What others may write, as grammars: good inputs with some parts missing, doubled, or of another kind."""

from __future__ import annotations

import base64
import hmac
from typing import Any

from hypothesis import strategies as st

from message_router.requests import ACTIONS
from tests.fuzz.grammar import broken, encoded, objects, texts, to_text, values

NOW = 1_795_382_480
SECRET = "s" * 32
EVENT = {
    "messageType": ["dealUpdate", "notification", "pong"],
    "data": [{"price": 1}, {}],
    "topic": ["books", "all-deals", "private.a"],
    "filters": [{"brand": "x"}],
    "eventId": ["e-1"],
    "recipients": [["ann"], ["ann", "bob"]],
    "expiresAt": [NOW + 60, float(NOW)],
}
CONDITION = [
    1,
    "x",
    True,
    [1, "x"],
    {"gte": 1, "lt": 2},
    {"prefix": "a"},
    {"exists": False},
    {"not": {"anyOf": [1]}},
]
FILTER = dict.fromkeys(["price", "minPrice", "maxPrice", "tag", "minimum", "\u00e9"], CONDITION)


def signed(header: Any, claims: Any) -> str:
    """A token with a good signature over any parts."""
    return sign(encoded(to_text(header)), encoded(to_text(claims)))


def sign(header: bytes, claims: bytes) -> str:
    """A token with a good signature over any bytes."""
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, claims))
    signature = hmac.digest(SECRET.encode(), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


TOKENS = st.builds(
    signed,
    objects(
        {"alg": ["HS256"], "typ": ["JWT"], "kid": ["k"], "crit": [["exp"]], "b64": [True], "cty": ["JWT"]}
    ).map(lambda header: {"alg": "HS256", **header}),
    objects(
        {
            "sub": ["ann"],
            "exp": [NOW + 60],
            "iat": [NOW],
            "nbf": [NOW],
            "jti": ["t"],
            "aud": ["deals", ["deals"]],
            "scope": ["websocket"],
            "topics": [["*"]],
            "recipients": [["a*"]],
        }
    ).map(
        lambda claims: {
            "sub": "ann",
            "exp": NOW + 60,
            "iat": NOW,
            "aud": "deals",
            "scope": "websocket",
            **claims,
        }
    ),
)
ANY_TOKEN = TOKENS | broken(TOKENS.map(str.encode)).map(lambda data: data.decode(errors="surrogateescape"))
EVENTS = objects(EVENT)
CARRIED = st.one_of(
    EVENTS,
    st.lists(EVENTS, max_size=3).map(lambda events: {"events": events}),
    objects({"type": ["dealUpdate"], "data": [{}], "timestamp": [NOW]}),
)
CARRIERS = st.recursive(
    CARRIED,
    lambda inner: st.one_of(
        st.builds(lambda raw: {"Type": "Notification", "MessageId": "m-1", "Message": to_text(raw)}, inner),
        st.builds(lambda raw: {"id": "e-1", "detail-type": "deal", "detail": raw}, inner),
        st.builds(lambda raw: {"requestContext": {"requestId": "r"}, "requestPayload": raw}, inner),
        st.builds(lambda raw: {"forwardedEvent": raw, "acceptedAtMs": NOW * 1000, "origin": "a@b"}, inner),
    ),
    max_leaves=3,
)
JWK = objects(
    {
        "kty": ["RSA", "EC", "OKP", "oct"],
        "crv": ["P-256", "P-384", "Ed25519"],
        "n": ["u" * 342 + "w", "AQAB"],
        "e": ["AQAB", "AQ", ""],
        "x": [
            "A" * 43,
            "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        ],
        "y": ["A" * 43, "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"],
        "kid": ["k"],
        "use": ["sig", "enc"],
        "key_ops": [["verify"]],
        "alg": ["RS256", "ES256", "EdDSA", "none", "HS256"],
    }
)
# The base point of the curve, and the key of RFC 8037, A.1.
GOOD_JWK = st.sampled_from(
    [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
        },
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]
)
HEADERS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 3",
            b"content-length:0",
            b"Content-Length: 3, 3",
            b"Content-Length: -1",
            b"Content-Length: 9" * 9,
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b"X-Amzn-ErrorType: A:b",
            b": a",
            b"a",
            b" folded",
            b"\x00: \xff",
        ]
    ),
    max_size=4,
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
RESPONSES = st.builds(
    lambda line, headers, body: line + b"\r\n" + headers + b"\r\n" + body,
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 100 Continue",
            b"HTTP/1.0 410",
            b"HTTP/1.1 204 ",
            b"HTTP/2 200",
            b"\xff",
        ]
    ),
    HEADERS,
    st.sampled_from(
        [
            b"",
            b"abc",
            b"3\r\nabc\r\n0\r\n\r\n",
            b"ffffffff\r\n",
            b"-1\r\n",
            b"0\r\na: b\r\n\r\n",
            b"3;" + b"x" * 99,
        ]
    ),
)
REPLIES = st.recursive(
    st.sampled_from(
        [
            b"+PONG\r\n",
            b":1\r\n",
            b"$-1\r\n",
            b"$3\r\nabc\r\n",
            b"-ERR x\r\n",
            b"-\r\n",
            b"-NOAUTH\xff\r\n",
            b"*-1\r\n",
            b"$-2\r\n",
            b":" + b"9" * 99 + b"\r\n",
            b"$999999999999\r\n",
            b"*100000\r\n",
            b"_\r\n",
            b"#t\r\n",
            b",nan\r\n",
            b"(1\r\n",
            b"%1\r\n",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: b"*%d\r\n%b" % (len(items), b"".join(items))),
    max_leaves=6,
)
REQUEST_FIELDS = {
    "topic": ["books"],
    "filters": [{"price": {"lt": 9}}],
    "since": [0],
    "recent": [5],
    "recipientId": ["bob"],
    "content": ["hi"],
    "type": ["text", "read"],
    "after": ["m-1"],
    "limit": [5],
    "status": ["read"],
    "messageId": ["m-1"],
    "users": [["ann"]],
    "token": ["a.b.c"],
}


def requests(action: str) -> st.SearchStrategy[dict[str, Any]]:
    """Frames of an action: its own fields, seldom others, and what stands beside them."""
    fields = {field.name: REQUEST_FIELDS[field.name] for field in ACTIONS[action].fields}
    beside = objects({"action": [action, action, *ACTIONS], "requestId": ["r-1"]})
    return st.builds(lambda frame, data: {"action": action, **frame, "data": data}, beside, objects(fields))


FRAMES = st.sampled_from(list(ACTIONS)).flatmap(requests)
HANDSHAKES = st.dictionaries(
    st.sampled_from(["Authorization", "authorization", "Sec-WebSocket-Protocol", "token", ""]),
    ANY_TOKEN.flatmap(
        lambda token: st.sampled_from(
            [token, f"Bearer {token}", f"deals.v1, {token}", f"{token},deals.v1", "Bearer", ",,"]
        )
    ),
)
REQUEST_HEADERS = st.lists(
    st.sampled_from(
        [
            "content-type: application/json",
            "Content-Type: text/html",
            "content-type: application/vnd.a+json; charset=latin-1",
            "content-encoding: gzip",
            "content-length: -1",
            "transfer-encoding: chunked",
            "x-forwarded-for: 127.0.0.1",
            "authorization: Bearer a.b.c",
            "x-amzn-request-context: {}",
        ]
    ),
    max_size=2,
)
REQUESTS = st.builds(
    lambda lines, body: "\n".join([*lines, body.replace("\n", " ")]), REQUEST_HEADERS, texts(CARRIED)
)
RECORDS = st.lists(
    st.builds(
        lambda body, message_id: {"eventSource": "aws:sqs", "messageId": message_id, "body": body},
        texts(CARRIERS),
        st.sampled_from(["m-1", "", "a\nb"]),
    ),
    min_size=1,
    max_size=3,
)
INVOKES = (
    CARRIED | RECORDS.map(lambda records: {"Records": records}) | values([{"Records": []}, {"events": []}])
)
"""What Lambda may be invoked with: by a publisher, or for a batch of the queue."""
