"""Makes random mutants of files by the operators of Cosmic Ray, and prints them as JSON, one a line.

It runs in the environment that has Cosmic Ray, and imports nothing of this repository:
.tools/mutants/bin/python tests/mutants/mutate.py SEED COUNT FILE...

Of each place that an operator can change one change is drawn, so that a comparison, which has five, counts no
more than an `and`. Left out is what changes nothing that runs: annotations.
"""

from __future__ import annotations

import ast
import json
import random
import re
import sys
from pathlib import Path
from typing import NamedTuple

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

# Without those that only a type checker tells apart (`is` for `==`), and those that leave no Python.
LEFT_OUT = re.compile(
    r"core/(Variable|NoOp|RemoveDecorator|ReplaceUnaryOperator_(?!Delete)"
    r"|ReplaceComparisonOperator_(Eq|NotEq|Lt|LtE|Gt|GtE)_Is|ReplaceComparisonOperator_Is(Not)?_(Eq|NotEq|Lt|Gt)"
    r"|ReplaceBinaryOperator_\w+_(Pow|RShift|LShift|BitXor|Mod)$|ReplaceBinaryOperator_BitOr_)"
)


class SwapMembership(Operator):
    """Replaces `in` with `not in`, and the other way round."""

    def mutation_positions(self, node):
        """Yield the place of each such operator of a comparison."""
        if node.type == "comparison":
            for operator in node.children[1::2]:
                if operator.get_code().split() in (["in"], ["not", "in"]):
                    yield operator.start_pos, operator.end_pos

    def mutate(self, node, index):
        """Swap the operator of that index."""
        places = [
            number
            for number, operator in enumerate(node.children)
            if number % 2 and operator.get_code().split() in (["in"], ["not", "in"])
        ]
        old = node.children[places[index]].get_code().split()
        node.children[places[index]] = parso.parse(" not in" if old == ["in"] else " in")
        return node

    @classmethod
    def examples(cls):
        """Return nothing: Cosmic Ray tests its own by them."""
        return ()


class RemoveCall(Operator):
    """Replaces a statement that is nothing but a call with `pass`."""

    def mutation_positions(self, node):
        """Yield the place of the statement."""
        if node.type == "simple_stmt" and _is_call(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node, index):
        """Remove the call."""
        prefix = node.children[0].get_first_leaf().prefix
        node.children[0] = parso.parse(f"{prefix}pass")
        return node

    @classmethod
    def examples(cls):
        """Return nothing: Cosmic Ray tests its own by them."""
        return ()


class RemoveResult(Operator):
    """Makes a function return None in place of what it returned."""

    def mutation_positions(self, node):
        """Yield the place of a `return` with a value."""
        if node.type == "return_stmt" and node.children[1].get_code().strip() != "None":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node, index):
        """Replace the value."""
        node.children[1] = parso.parse(" None")
        return node

    @classmethod
    def examples(cls):
        """Return nothing: Cosmic Ray tests its own by them."""
        return ()


def _is_call(node):
    last = node.children[-1] if getattr(node, "children", None) else None
    return node.type == "atom_expr" and last.type == "trailer" and last.children[0].value == "("


OPERATORS = {
    **{name: get_operator(name)() for name in sorted(operator_names()) if not LEFT_OUT.match(name)},
    **{cls.__name__: cls() for cls in (SwapMembership, RemoveCall, RemoveResult)},
}


class Change(NamedTuple):
    """One change of a place: the operator's name, and which of its positions in the file."""

    operator: str
    occurrence: int


def find_changes(source: str) -> dict[tuple[int, int], list[Change]]:
    """Return the changes that can be made to a module, by line and column of what they change."""
    inert = _annotations(source)
    tree = get_ast(source)
    places: dict[tuple[int, int], list[Change]] = {}
    for name, operator in OPERATORS.items():
        found = (start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(found):
            if not any(first <= start < last for first, last in inert):
                places.setdefault(tuple(start), []).append(Change(name, occurrence))
    return places


def _annotations(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where annotations, and the imports and aliases for them, begin and end."""
    inert = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inert.append(node.returns)
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            inert.append(node.annotation)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            inert.append(node)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)) for node in inert if node
    ]


def draw(seed: int, count: int, files: list[str]) -> list[dict[str, object]]:
    """Return `count` mutants, or as many as there are: file, line, the changed lines, the whole source."""
    sources = {file: Path(file).read_text("utf-8") for file in sorted(files)}
    changes = {file: find_changes(source) for file, source in sources.items()}
    places = [(file, place) for file in sources for place in sorted(changes[file])]
    print(f"{len(places)} places in {len(files)} files", file=sys.stderr)  # noqa: T201

    generator = random.Random(seed)
    generator.shuffle(places)
    mutants = []
    for file, place in places:
        change = generator.choice(changes[file][place])
        source = mutate_code(sources[file], OPERATORS[change.operator], change.occurrence)
        if mutant := _describe(file, sources[file], source, place[0], change.operator):
            mutants.append(mutant)
        if len(mutants) == count:
            break
    return mutants


def _describe(file: str, old: str, new: str | None, line: int, operator: str) -> dict[str, object] | None:
    """Describe a mutant; None for one that is no Python or means the same."""
    try:
        if new is None or ast.dump(ast.parse(new)) == ast.dump(ast.parse(old)):
            return None
    except SyntaxError:
        return None
    before, after = old.splitlines(), new.splitlines()
    first, end = _differing(before, after), len(before) - _differing(before[::-1], after[::-1])
    return {
        "file": file,
        "line": line,
        "operator": operator.rpartition("/")[2],
        "before": " ".join(text.strip() for text in before[first:end]),
        "after": " ".join(text.strip() for text in after[first : end + len(after) - len(before)]),
        "source": new,
    }


def _differing(one: list[str], two: list[str]) -> int:
    """Return the index of the first lines that differ."""
    return next(index for index, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1])


if __name__ == "__main__":
    for one in draw(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]):
        print(json.dumps(one))  # noqa: T201
