"""Permissions: what patterns grant, and that they grant nothing else."""

import json
import re
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from authorizer import handler as authorizer
from realtime_core.auth.permissions import (
    PERMISSIONS_BYTES_MAX,
    Permissions,
    decode_permissions,
    encode_permissions,
    read_permissions,
)
from realtime_core.auth.tokens import TOKEN_ID_CHARS_MAX, Identity
from realtime_core.errors import TokenRefused
from realtime_core.wire.topics import is_private, topic_problem, topics_reached

TOPICS = st.from_regex(r"(private\.)?[a-d-]{1,3}(\.[a-d-]{1,2}){0,2}", fullmatch=True)
TOPIC_PATTERNS = st.one_of(TOPICS, TOPICS.map(lambda topic: topic + "*"), st.just("*"), st.just("all-deals"))
USERS = st.from_regex(r"[a-cA-C._:@|-]{1,4}", fullmatch=True)
USER_PATTERNS = st.one_of(USERS, USERS.map(lambda user: user + "*"), st.just("*"))


def read(**claims):
    return read_permissions(claims, "topics", "recipients")


def refusal(**claims):
    with pytest.raises(TokenRefused) as refused:
        read(**claims)
    return refused.value.status, refused.value.reason, refused.value.detail


@pytest.mark.parametrize(
    ("topics", "permitted", "forbidden"),
    [
        (None, "all-deals books electronics.laptops privately private-x", "private private.team-42"),
        (["*"], "all-deals books electronics.laptops privately", "private private.team-42"),
        (["all-deals"], "all-deals", "books all-deals.x private.a"),
        (["books"], "books", "book booksx books.new all-deals"),
        (["electronics.*"], "electronics.laptops electronics.a.b", "electronics electronicsx all-deals"),
        (["all*"], "allotments all-deals-x", "all-deals"),
        (["p*", "private*", "*"], "privately private-x", "private private.team-42"),
        (["private.*"], "private.team-42 private.a.b", "private books all-deals"),
        (["private.team-4*"], "private.team-4 private.team-42", "private.team-5 private"),
        (["private.team-42"], "private.team-42", "private.team-4 private.team-42.x private.team-421"),
    ],
)
def test_patterns_permit_topics(topics, permitted, forbidden):
    permissions = Permissions() if topics is None else read(topics=topics)
    assert [topic for topic in permitted.split() if not permissions.permits_topic(topic)] == []
    assert [topic for topic in forbidden.split() if permissions.permits_topic(topic)] == []


@pytest.mark.parametrize(
    ("recipients", "permitted", "forbidden"),
    [
        (None, "ben Ben auth0|1", ""),
        (["*"], "ben Ben auth0|1", ""),
        ([], "", "ben"),
        (["ben"], "ben", "Ben ben2 be BEN"),
        (["team-a:*"], "team-a:ben team-a:", "team-a team-ab team-A:ben"),
        (["auth0|*", "x@example.com"], "auth0|1 x@example.com", "auth00|1 x@example.com.evil"),
    ],
)
def test_patterns_permit_recipients(recipients, permitted, forbidden):
    permissions = Permissions() if recipients is None else read(recipients=recipients)
    assert [user for user in permitted.split() if not permissions.permits_recipient(user)] == []
    assert [user for user in forbidden.split() if permissions.permits_recipient(user)] == []


def says(pattern, name):
    """What a pattern says, by a regular expression: the text before a star at its end is quoted."""
    stem, star, _ = pattern.partition("*")
    return re.fullmatch(re.escape(stem) + (".*" if star else ""), name) is not None


@given(st.lists(TOPIC_PATTERNS, min_size=1, max_size=4), TOPICS)
@example(["*"], "private.a")
@example(["p*"], "private.a")
def test_no_topic_is_permitted_beyond_what_a_pattern_says(patterns, topic):
    granted = read(topics=patterns).permits_topic(topic)
    saying = [pattern for pattern in patterns if says(pattern, topic)]
    if is_private(topic):
        saying = [pattern for pattern in saying if pattern.startswith("private.")]
    assert granted == bool(saying)


@given(st.lists(TOPIC_PATTERNS, min_size=1, max_size=4))
def test_all_deals_needs_its_name_or_a_star(patterns):
    assert read(topics=patterns).permits_topic("all-deals") == bool({"*", "all-deals"} & set(patterns))


@given(st.lists(USER_PATTERNS, max_size=4), USERS)
def test_no_recipient_is_permitted_beyond_what_a_pattern_says(patterns, user):
    granted = read(recipients=patterns).permits_recipient(user)
    assert granted == any(says(pattern, user) for pattern in patterns)


@given(st.lists(TOPIC_PATTERNS, min_size=1, max_size=4), TOPICS, st.text(min_size=1, max_size=3))
def test_no_other_spelling_of_a_topic_is_permitted(patterns, topic, noise):
    """Whatever is no topic reaches no pattern: it is refused as a topic before."""
    for spelling in (
        topic.upper(),
        topic.title(),
        topic + noise,
        noise + topic,
        topic.replace(".", "\u2024"),
        topic.replace("a", "\uff41"),
        topic + "\n",
        topic + "\u0000",
    ):
        assume(spelling != topic)
        if topic_problem(spelling) is not None:
            continue
        assert read(topics=patterns).permits_topic(spelling) == any(
            says(pattern, spelling)
            and (not is_private(spelling) or pattern.startswith("private."))
            and (spelling != "all-deals" or pattern in {"*", "all-deals"})
            for pattern in patterns
        )


@given(st.text(max_size=8))
def test_pattern_of_other_characters_is_refused_and_never_normalized(text):
    if re.fullmatch(r"[a-z0-9.*-]*", text):
        return
    assert refusal(topics=[text])[:2] == (403, "permissions")
    folded = unicodedata.normalize("NFKC", text).casefold()
    assert refusal(topics=["books", text])[:2] == (403, "permissions"), folded


@pytest.mark.parametrize(
    "claim",
    [
        None, True, 1, "*", "books electronics", {}, {"a": 1}, [None], [1], [["books"]], [""], ["Books"],
        ["books "], [" books"], ["books\n"], ["bo*ks"], ["**"], ["*books"], ["books.."], [".books"], [".*"],
        ["books,"], ["bo?ks"], ["bücher"], ["\uff42ooks"], ["books\u200b"], ["x" * 65], ["x" * 65 + "*"],
        ["!"], ["books electronics"],
    ],
)  # fmt: skip
def test_topics_that_are_no_patterns_are_refused(claim):
    status, reason, detail = refusal(topics=claim)
    assert (status, reason) == (403, "permissions")
    assert "topics" in detail
    assert "ü" not in detail, "the log says where, and not what a stranger wrote"


@pytest.mark.parametrize(
    "claim",
    [None, False, "ben", {}, [1], [""], ["be n"], ["b*n"], ["**"], ["bén"], ["!"], ["x" * 129], ["ben\n"]],
)
def test_recipients_that_are_no_patterns_are_refused(claim):
    status, reason, detail = refusal(recipients=claim)
    assert (status, reason) == (403, "permissions")
    assert "recipients" in detail


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (50, True), (51, False)])
def test_a_token_has_1_to_50_topics(count, fits):
    topics = [f"t{number}" for number in range(count)]
    if fits:
        assert read(topics=topics).topics == tuple(topics)
    else:
        assert refusal(topics=topics)[:2] == (403, "permissions")


def test_longest_names_are_patterns():
    topic, user = "x" * 64, "y" * 128
    permissions = read(topics=[topic, topic + "*"], recipients=[user, user + "*"])
    assert permissions.permits_topic(topic)
    assert permissions.permits_recipient(user)


def test_permissions_that_do_not_fit_are_refused_with_their_size():
    fits = [f"user-{number:05}" for number in range(PERMISSIONS_BYTES_MAX // 11)]
    assert read(recipients=fits).recipients == tuple(fits)
    status, reason, detail = refusal(recipients=[*fits, "one-more-user"])
    assert (status, reason) == (403, "permissions_too_large")
    assert str(PERMISSIONS_BYTES_MAX) in detail


def test_claims_are_found_by_the_names_that_are_set():
    claims = {"https://deals.example/topics": ["books"], "groups": ["ben"], "topics": ["x"], "recipients": []}
    assert read_permissions(claims, "https://deals.example/topics", "groups") == (("books",), ("ben",))


@given(
    st.none() | st.lists(TOPIC_PATTERNS, max_size=5).map(tuple),
    st.none() | st.lists(USER_PATTERNS, max_size=5).map(tuple),
)
def test_encoded_permissions_are_decoded_as_they_were(topics, recipients):
    permissions = Permissions(topics, recipients)
    texts = encode_permissions(permissions)
    assert decode_permissions(texts) == permissions
    assert all(text for text in texts.values()), "an empty text may be lost on the way"


def test_largest_permissions_fit_the_answer_of_an_authorizer():
    """Outside limit: 8 KB, with everything else as large as it gets."""
    topics = [f"{number:02}" + "x" * 62 for number in range(50)]
    left = PERMISSIONS_BYTES_MAX - 50 * 65
    recipients = [f"{number:02}" + "y" * 126 for number in range(left // 129)]
    permissions = read(topics=topics, recipients=recipients)
    identity = Identity("u" * 128, 10**11, 10**11, "é" * TOKEN_ID_CHARS_MAX, permissions)
    arn = "arn:aws:execute-api:ap-southeast-1:123456789012:abcdef1234/" + "s" * 128 + "/$connect"
    answer = authorizer._policy(identity.user_id, "Allow", arn, authorizer._context_of(identity))
    assert len(json.dumps(answer)) <= 8 * 1024


@pytest.mark.parametrize(
    ("topic", "reached"),
    [
        ("books", ("books", "all-deals")),
        ("all-deals", ("all-deals",)),
        ("private", ("private",)),
        ("private.team-42", ("private.team-42",)),
        ("privately", ("privately", "all-deals")),
        ("private-x.y", ("private-x.y", "all-deals")),
        ("team.private", ("team.private", "all-deals")),
    ],
)
def test_private_topics_are_not_part_of_all_deals(topic, reached):
    assert topics_reached(topic) == reached
