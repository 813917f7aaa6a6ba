"""`make doctor`: what is on this machine, what is missing with its remedy, and what `make` will do.

It runs before anything is installed, hence by the standard library alone, and changes nothing.
"""
