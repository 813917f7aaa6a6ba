"""Property tests judge values, not the speed of the machine that happens to run them."""

from hypothesis import settings

settings.register_profile("domain", deadline=None)
settings.load_profile("domain")
