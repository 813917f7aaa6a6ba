"""Filters and events for property tests, and a simple reference evaluator.

The evaluator follows the wire protocol sentence by sentence, and shares no code with the service.
"""

import json

from hypothesis import strategies as st

# Few names and values, so that filters often match events.
NAMES = st.sampled_from(
    ["price", "minPrice", "maxPrice", "discount", "discountPercentage", "minDiscount", "tag", "minimum", "é"]
)
WORDS = st.sampled_from(["", "a", "ab", "b", "ba", "1", "true", "é", "abab", "babab"])
NUMBERS = st.sampled_from(
    [
        0,
        -0.0,
        1,
        1.0,
        2,
        2.5,
        -1,
        10,
        10.0,
        2**53,
        2**53 + 1,
        float(2**53),
        2**63 - 1,
        2.0**63,
        1e300,
        -1e300,
        5e-324,
    ]
)
SCALARS = WORDS | NUMBERS | st.booleans()
RANGES = st.dictionaries(st.sampled_from(["gte", "gt", "lte", "lt"]), NUMBERS, min_size=1)
TEXTS = st.builds(lambda name, word: {name: word}, st.sampled_from(["prefix", "suffix", "contains"]), WORDS)
EXISTS = st.booleans().map(lambda flag: {"exists": flag})
LEAVES = SCALARS | st.lists(SCALARS, min_size=1, max_size=4) | RANGES | TEXTS | EXISTS


def _composed(inner):
    negated = inner.map(lambda condition: {"not": condition})
    return negated | st.lists(inner, min_size=1, max_size=3).map(lambda conditions: {"anyOf": conditions})


# Three conditions deep and small enough to stay within every limit; test_filter_limits tests the limits.
CONDITIONS = LEAVES | _composed(LEAVES) | _composed(_composed(LEAVES).filter(lambda raw: len(str(raw)) < 200))


def bounds_a_number(name, condition):
    """Whether an attribute may have the condition: `minX` and `maxX` take numbers and operators alone."""
    is_bound = name[:3] in {"min", "max"} and name[3:4] in tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return not is_bound or _number(condition) or isinstance(condition, dict)


def filters(max_size):
    """Valid filters of up to so many attributes."""
    return st.dictionaries(NAMES, CONDITIONS, max_size=max_size).filter(
        lambda raw: count(raw) <= 20 and all(bounds_a_number(*item) for item in raw.items())
    )


FILTERS = filters(2)
VALUES = st.none() | SCALARS | st.lists(SCALARS | st.none(), max_size=5) | st.just({"a": 1})
EVENT_PARTS = st.dictionaries(NAMES, VALUES, max_size=6)


def count(raw):
    """How many conditions a filter has, including nested ones."""
    return sum(_count(condition) for condition in raw.values())


def _count(condition):
    if not isinstance(condition, dict):
        return 1
    return 1 + sum(
        _count(inner)
        for inner in condition.get("anyOf", []) + ([condition["not"]] if "not" in condition else [])
    )


def naive_matches(raw, filters, data):
    """Whether an event matches a filter, according to the text of the protocol."""
    return all(_attribute_passes(name, condition, filters, data) for name, condition in raw.items())


def _lookup(name, filters, data):
    names = [name, "discountPercentage"] if name == "discount" else [name]
    for attribute in names:
        for part in (filters, data):
            if part.get(attribute) is not None:
                return part[attribute]
    return None


def _attribute_passes(name, condition, filters, data):
    value = _lookup(name, filters, data)
    bound = {"min": "gte", "max": "lte"}.get(name[:3])
    if bound and name[3:4] in tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ") and _number(condition):
        if value is None:
            value = _lookup(name[3].lower() + name[4:], filters, data)
        condition = {bound: condition}
    return _passes(condition, value)


def _number(value):
    return type(value) in (int, float)


def _same(left, right):
    if _number(left) and _number(right):
        return left == right
    return type(left) is type(right) and not isinstance(left, list | dict) and left == right


def _passes(condition, value):  # noqa: C901, PLR0911 - a return for each row of the protocol's table
    if condition == {"exists": False}:
        return value is None
    if isinstance(condition, dict) and "anyOf" in condition:
        return any(_passes(inner, value) for inner in condition["anyOf"])
    if value is None:
        return False
    if not isinstance(condition, dict | list):
        return _same(condition, value)
    if isinstance(condition, list):
        values = value if isinstance(value, list) else [value]
        return any(_same(expected, item) for expected in condition for item in values)
    [(operator, argument), *_] = condition.items()
    match operator:
        case "exists":
            return True
        case "not":
            return not _passes(argument, value)
        case "prefix":
            return isinstance(value, str) and value[: len(argument)] == argument
        case "suffix":
            return (
                isinstance(value, str)
                and value[len(value) - len(argument) :] == argument
                and len(value) >= len(argument)
            )
        case "contains":
            return isinstance(value, str) and value.find(argument) >= 0
    return _number(value) and all(
        {"gte": value >= bound, "gt": value > bound, "lte": value <= bound, "lt": value < bound}[name]
        for name, bound in condition.items()
    )


def shuffled(value, draw):
    """The same filter, written differently: other orders, duplicates, and whole numbers as floats."""
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        return {name: shuffled(value[name], draw) for name in names}
    if isinstance(value, list):
        duplicates = draw(st.lists(st.sampled_from(value), max_size=2))
        return [shuffled(item, draw) for item in draw(st.permutations(value + duplicates))]
    if type(value) is int and abs(value) <= 2**53 and draw(st.booleans()):
        return float(value)
    return json.loads(json.dumps(value))
