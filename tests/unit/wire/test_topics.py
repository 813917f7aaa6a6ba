"""The syntax of topics, and the topics that an event reaches."""

import pytest

from realtime_core.errors import ValidationFailed
from realtime_core.wire.topics import read_topic, topic_problem, topics_reached


@pytest.mark.parametrize("topic", ["all-deals", "a", "-", "9", "electronics.laptops", "a.b.c", "x" * 64])
def test_valid_topic_has_no_problem(topic):
    assert topic_problem(topic) is None
    assert read_topic(topic, "topic") == topic


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "A",
        "a b",
        "a_b",
        ".",
        "a.",
        ".a",
        "a..b",
        "a\n",
        "\na",
        "é",
        "a#b",
        "x" * 65,
        None,
        1,
        True,
        ["a"],
        {},
    ],
)
def test_invalid_topic_has_a_problem(topic):
    assert "1 to 64 characters" in topic_problem(topic)
    with pytest.raises(ValidationFailed, match=r"^data\.topic: must be"):
        read_topic(topic, "data.topic")


def test_topics_reached_are_the_topic_and_all_deals():
    assert topics_reached("electronics.laptops") == ("electronics.laptops", "all-deals")
    assert topics_reached("all-deals") == ("all-deals",)
