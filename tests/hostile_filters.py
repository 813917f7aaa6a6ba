"""Filters that are legal, and chosen to cost what a filter can cost."""

import itertools

from realtime_core.filters.filters import Attributes, parse_filter
from realtime_core.subscriptions.base import Group

NOW = 1_795_382_480
BYTES = 3_700
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def _texts(seed, length):
    """Distinct texts of a length, other ones for each seed."""
    head = f"{seed:x}"
    return ("".join(tail) + head for tail in itertools.product(ALPHABET, repeat=max(1, length - len(head))))


def lists_of_texts(seed, length=6, lists=20):
    """Twenty lists with as many short texts as fit."""
    texts = _texts(seed, length)
    per_list = min(50, BYTES // lists // (length + 3))
    return {f"k{n}{seed % 99}": ["hit", *itertools.islice(texts, per_list - 3)] for n in range(lists)}


def lists_of_numbers(seed):
    """Lists of distinct numbers, which are objects of their own."""
    return {f"n{n}{seed % 99}": [7, *range(1000 + n * 50, 1000 + n * 50 + 34)] for n in range(20)}


def one_long_list(seed):
    """A list of fifty texts of 70 characters: a bucket for each would cost the most."""
    return {"k": list(itertools.islice((f"{n:064}{seed:06}" for n in itertools.count()), 50))}


def long_names(seed):
    """Twenty conditions on attributes with long names."""
    return {f"{n:02}{seed:0160}": {"prefix": "h"} for n in range(20)}


def nested(seed):
    """Conditions in conditions, each with a list."""
    return {f"a{n}": {"not": {"anyOf": [[f"{seed}-{n}-{v:030}" for v in range(14)]]}} for n in range(6)}


def ranges(seed):
    """Ranges with all four bounds."""
    bounds = {"gte": seed, "gt": seed - 1, "lte": seed + 10**12, "lt": seed + 10**13}
    return {f"{n}{'r' * 100}": bounds for n in range(20)}


def fallbacks(seed):
    """Short forms, which have a name more each."""
    return {f"minK{'x' * 170}{n:02}": seed for n in range(20)}


def evaluated_to_the_end(seed):
    """Twenty lists of which all but the last have what the event has: none can be skipped."""
    lists = {f"k{n:02}": [f"{seed:05}{n:02}{v:04}" for v in range(10)] for n in range(20)}
    return lists | {f"k{n:02}": [*lists[f"k{n:02}"], "hit"] for n in range(19)}


def one_prefix(seed):
    """A prefix that no event has."""
    return {"title": {"prefix": f"p{seed}"}}


def one_suffix(seed):
    """A suffix that no event has."""
    return {"title": {"suffix": f"{seed}s"}}


def one_text(seed):
    """A text that no event contains."""
    return {"title": {"contains": f"needle {seed}"}}


def one_attribute(seed):
    """An attribute that no event has."""
    return {f"a{seed}": {"exists": True}}


def absences(seed):
    """Attributes that no event has, and one that each has: nothing to look up."""
    return {f"a{n:02}{seed}": {"exists": False} for n in range(19)} | {"z": {"exists": False}}


def negations(seed):
    """Negations that hold, but the last."""
    return {f"k{n:02}": {"not": f"{seed}-{n}"} for n in range(9)} | {"z": {"not": {"prefix": ""}}}


def any_of_equalities(seed):
    """Values that no event has."""
    return {"title": {"anyOf": [f"v{seed}-{n}" for n in range(18)]}}


def any_of_prefixes(seed):
    """More prefixes than are indexed: all are tested for each event that has the attribute."""
    return {"title": {"anyOf": [{"prefix": f"p{seed}-{n}"} for n in range(18)]}}


def any_of_each_kind(seed):
    """Alternatives of which each is looked up otherwise."""
    kinds = [f"v{seed}", [f"l{seed}"], {"prefix": f"p{seed}"}, {"suffix": f"s{seed}"}]
    return {"title": {"anyOf": [*kinds, {"contains": f"c{seed}"}]}}


def none_of_lists(seed):
    """Lists of which the last has what the event has, under a negation."""
    lists = [[f"{seed:05}{n:02}{v:04}" for v in range(10)] for n in range(17)]
    return {"k00": {"not": {"anyOf": [*lists[:-1], ["hit", *lists[-1]]]}}}


def none_of_texts(seed):
    """Seventeen searches of the whole title, under a negation; only the last finds something."""
    return {
        "title": {"not": {"anyOf": [*({"contains": f"a{seed}-{n}"} for n in range(16)), {"contains": "e"}]}}
    }


def contained_texts(seed):
    """Texts that all are there, but the last: the keys of none of them are rare."""
    found = {f"k{n:02}": {"contains": "hit"} for n in range(17)}
    return found | {"title": {"contains": f"sale {seed}"}, "z": {"contains": "no"}}


def ranges_that_hold(seed):
    """Ranges that hold, but the last."""
    bounds = {"gte": -1 - seed, "lte": 1_000_000 + seed}
    return {f"n{n:02}": bounds for n in range(19)} | {"z": {"gt": 0}}


def tags(seed):
    """As many long texts as fit in one list; the event has a list too."""
    return {"tags": one_long_list(seed)["k"]}


def hostile_event(title="Philips television 4k, sale of the year"):
    """An event as those who choose filters know it, with attributes of each kind."""
    names = range(20)
    texts = {f"k{n:02}": "hit" for n in names} | {"title": title, "z": "something"}
    lists = {"tags": [f"a tag of the event, {n}" for n in names]}
    return Attributes(texts | {f"n{n:02}": 7 for n in names}, lists)


def everything_holds():
    """The event that these filters are tested against to the end."""
    return Attributes({f"k{n:02}": "hit" for n in range(20)}, {})


TESTED = [
    one_prefix,
    one_suffix,
    one_text,
    one_attribute,
    absences,
    negations,
    any_of_equalities,
    any_of_prefixes,
    any_of_each_kind,
    none_of_lists,
    none_of_texts,
    contained_texts,
    ranges_that_hold,
    tags,
    evaluated_to_the_end,
]
"""Shapes that cost time: none matches `hostile_event`, and each has something to test or to look up."""

SHAPES = [lists_of_texts, lists_of_numbers, one_long_list, long_names, nested, ranges, fallbacks]


def group(raw, number=0):
    """The group of a filter, each text of its own as DynamoDB's answers have them."""
    canonical = parse_filter(raw).canonical
    return Group(f"{number:020}", "all-deals", canonical)
