"""`contains` finds the same however often a text is searched, and costs little for any text."""

import random
from time import process_time

import pytest

from realtime_core.filters import searching
from realtime_core.filters.filters import Attributes, load_filter, parse_filter
from realtime_core.filters.searching import (
    REMEMBERED_CHARS_MAX,
    SEARCHED_CHARS,
    SEARCHES_MAX,
    SHORT_CHARS,
    contains,
    forget,
)

LENGTHS = [0, 1, SHORT_CHARS, SHORT_CHARS + 1, 5_000]


@pytest.mark.parametrize("alphabet", ["ab", "abcdefgh ", "жñ𝄞"])
@pytest.mark.parametrize("length", LENGTHS)
def test_search_finds_what_is_there_and_nothing_else(alphabet, length):
    chosen = random.Random(length)
    text = "".join(chosen.choices(alphabet, k=length))
    for _ in range(10 * SEARCHES_MAX):
        at, size = chosen.randrange(length + 1), chosen.choice([0, 1, 3, 40, 256])
        for wanted in (text[at : at + size], "".join(chosen.choices(alphabet, k=size))):
            assert contains(text, wanted) is (wanted in text)


@pytest.mark.parametrize("times", [1, 2 * SEARCHES_MAX])
def test_only_the_beginning_of_a_long_text_is_searched(times):
    text = "x" * (SEARCHED_CHARS - 4) + "inside" + "y" * 100
    for _ in range(times):
        assert contains(text, "insi")
        assert not contains(text, "insid")
        assert not contains(text, "y")


def test_texts_of_other_events_are_not_taken_for_one_another():
    """Python gives the identity of a text that is gone to another one."""
    for number in range(500):
        text = f"{number:05}" + "x" * SHORT_CHARS
        assert all(contains(text, f"{number:05}x") for _ in range(SEARCHES_MAX + 2))
        assert not contains(text, f"{number + 1:05}x")


def test_filter_searches_what_the_index_searches():
    wanted = load_filter(parse_filter({"title": {"contains": "end"}}).canonical)
    assert wanted.matches(Attributes({"title": "x" * (SEARCHED_CHARS - 3) + "end"}, {}))
    assert not wanted.matches(Attributes({"title": "x" * (SEARCHED_CHARS - 2) + "end"}, {}))


def remembered():
    return sum(min(len(known.text), SEARCHED_CHARS) for known in searching._memory._known.values())


@pytest.mark.parametrize("length", [SHORT_CHARS + 1, 5_000, SEARCHED_CHARS, 3 * SEARCHED_CHARS])
def test_what_is_remembered_is_bounded_by_its_characters_and_released(length):
    texts = [f"{number:08}" + "x" * (length - 8) for number in range(2 * REMEMBERED_CHARS_MAX // length + 2)]
    most = 0
    for text in texts:
        assert contains(text, text[:9])
        most = max(most, remembered())
    used = min(length, SEARCHED_CHARS)
    assert REMEMBERED_CHARS_MAX - used < most <= REMEMBERED_CHARS_MAX
    forget()
    assert remembered() == 0
    assert contains(texts[0], texts[0][:9])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a" * SEARCHED_CHARS * 2, "a" * 30 + "b" + "a" * 30),
        ("жñ" * SEARCHED_CHARS, "жñ" * 30 + "жж"),
        ("lorem ipsum dolor sit amet " * 4_000, "dolor sit amet lorem ipsum dolor sit ametx"),
    ],
    ids=["one letter", "beyond Latin", "lorem ipsum"],
)
def test_ten_thousand_searches_of_the_longest_text_are_no_weapon(text, wanted):
    """One by one they take 0.3 to 1.8 s. The bound is wide: this machine may be busy."""
    started = process_time()
    for number in range(10_000):
        contains(text, f"{wanted}{number}")
    assert process_time() - started < 0.1


def test_a_text_is_sorted_after_32_searches():
    forget()
    text = "x" * (SHORT_CHARS + 1)
    for _ in range(32):
        contains(text, "x")
    [known] = searching._memory._known.values()
    assert known.suffixes is None
    assert contains(text, "xx")
    assert known.suffixes is not None
    forget()
