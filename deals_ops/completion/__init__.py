"""Completion of the command line in shells, generated from the parser of its arguments."""
