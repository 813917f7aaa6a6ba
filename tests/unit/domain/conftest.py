"""Hypothesis settings: no deadline, because the speed of the machine is not under test."""

from hypothesis import settings

settings.register_profile("domain", deadline=None)
settings.load_profile("domain")
