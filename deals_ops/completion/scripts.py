"""The completion scripts of bash, zsh and fish. Each walks the words before the cursor to their command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from deals_ops.completion.tree import Command, Option

PROGRAM = "deals-ops"

# Also of bash 3.2, which macOS has: no `mapfile`, and `compopt` only where it exists.
_BASH = """\
# Completion of {program} for bash: eval "$({program} completion bash)"
_deals_ops_at() {{
    commands="" options="" valued="" files="" choices=""
    case $1 in
{cases}
    esac
}}

_deals_ops() {{
    local commands options valued files choices at="" pending="" given=0 word i
    local current=${{COMP_WORDS[COMP_CWORD]}} IFS=$' \\t\\n'
    COMPREPLY=()
    _deals_ops_at ""
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        if [[ -n $pending ]]; then
            pending=""
        elif [[ " $valued " == *" $word "* ]]; then
            pending=$word
        elif [[ $word != -* && " $commands " == *" $word "* ]]; then
            at=${{at:+$at }}$word
            _deals_ops_at "$at"
        elif [[ $word != -* ]]; then
            given=$((given + 1))
        fi
    done

    if [[ -n $pending && " $files " == *" $pending "* ]]; then
        compopt -o filenames 2>/dev/null
        IFS=$'\\n'
        COMPREPLY=($(compgen -f -- "$current"))
    elif [[ -n $pending ]]; then
        :
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
    elif ((given == 0)); then
        COMPREPLY=($(compgen -W "$commands $choices" -- "$current"))
    fi
}}
complete -F _deals_ops {program}
"""

_ZSH = """\
#compdef {program}
# Completion of {program} for zsh: source <({program} completion zsh), after compinit
_deals_ops_at() {{
    commands=() options=() valued=() files=() choices=()
    case $1 in
{cases}
    esac
}}

_deals_ops() {{
    local -a commands options valued files choices names
    local at="" pending="" word
    local -i given=0
    _deals_ops_at ""
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        names=("${{(@)commands%%:*}}")
        if [[ -n $pending ]]; then
            pending=""
        elif (( ${{valued[(Ie)$word]}} )); then
            pending=$word
        elif [[ $word != -* ]] && (( ${{names[(Ie)$word]}} )); then
            at="${{at:+$at }}$word"
            _deals_ops_at "$at"
        elif [[ $word != -* ]]; then
            given+=1
        fi
    done

    if [[ -n $pending ]]; then
        if (( ${{files[(Ie)$pending]}} )); then _files; else _message "value of $pending"; fi
    elif [[ $words[CURRENT] == -* ]]; then
        _describe option options
    elif (( given == 0 )); then
        _describe command commands -- choices
    fi
}}
if [[ $funcstack[1] == _deals_ops ]]; then _deals_ops "$@"; else compdef _deals_ops {program}; fi
"""

_FISH = """\
# Completion of {program} for fish: {program} completion fish | source
function __deals_ops_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l at
    set -l pending
    set -l given 0
    for word in $words
        if test -n "$pending"
            set pending
        else if contains -- $word {valued}
            set pending $word
        else if string match -q -- '-*' $word
            continue
        else if contains -- (string join ' ' $at $word) {paths}
            set -a at $word
        else
            set given (math $given + 1)
        end
    end
    test "$at" = "$argv[1]"; and test -z "$argv[2]" -o "$argv[2]" = $given
end
complete -c {program} -f
{lines}
"""


def write_bash(commands: Sequence[Command]) -> str:
    """Return the script for bash."""

    def case(command: Command) -> str:
        lists = {
            "commands": [name for name, _ in command.commands],
            "options": [option.name for option in command.options],
            "valued": _valued(command.options),
            "files": [option.name for option in command.options if option.takes_file],
            "choices": command.choices,
        }
        return " ".join(f'{name}="{" ".join(words)}"' for name, words in lists.items() if words)

    return _BASH.format(program=PROGRAM, cases=_write_cases(commands, case))


def write_zsh(commands: Sequence[Command]) -> str:
    """Return the script for zsh."""

    def described(pairs: Iterable[tuple[str, str]]) -> list[str]:
        return [f"{name}:{description}".rstrip(":") for name, description in pairs]

    def case(command: Command) -> str:
        lists = {
            "commands": described(command.commands),
            "options": described((option.name, option.description) for option in command.options),
            "valued": _valued(command.options),
            "files": [option.name for option in command.options if option.takes_file],
            "choices": command.choices,
        }
        return " ".join(f"{name}=({shlex.join(words)})" for name, words in lists.items() if words)

    return _ZSH.format(program=PROGRAM, cases=_write_cases(commands, case))


def write_fish(commands: Sequence[Command]) -> str:
    """Return the script for fish."""
    lines = []
    for command in commands:
        at = f"complete -c {PROGRAM} -n {_quote_fish(f'__deals_ops_at {_quote_fish(command.path)}')}"
        first = f"complete -c {PROGRAM} -n {_quote_fish(f'__deals_ops_at {_quote_fish(command.path)} 0')}"
        lines += [f"{first} -a {name} -d {_quote_fish(text)}" for name, text in command.commands]
        lines += [f"{first} -a {choice}" for choice in command.choices]
        for option in command.options:
            value = " -r -F" if option.takes_file else " -x" if option.takes_value else ""
            lines.append(f"{at} -l {option.name[2:]}{value} -d {_quote_fish(option.description)}")

    valued = sorted({name for command in commands for name in _valued(command.options)})
    paths = [_quote_fish(command.path) for command in commands if command.path]
    return _FISH.format(
        program=PROGRAM, valued=" ".join(valued), paths=" ".join(paths), lines="\n".join(lines)
    )


WRITERS: dict[str, Callable[[Sequence[Command]], str]] = {
    "bash": write_bash,
    "zsh": write_zsh,
    "fish": write_fish,
}
"""By shell: returns its script for the commands."""


def _valued(options: Iterable[Option]) -> list[str]:
    return [option.name for option in options if option.takes_value]


def _write_cases(commands: Iterable[Command], case: Callable[[Command], str]) -> str:
    return "\n".join(f"    ('{command.path}') {case(command)} ;;" for command in commands)


def _quote_fish(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
