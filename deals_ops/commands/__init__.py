"""One module for each command or group: `add_commands` adds it to the parser, its `run` executes it."""
