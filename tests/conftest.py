"""Settings that every test shares."""

from hypothesis import settings

# A time limit for an example would be an assertion on a clock.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
