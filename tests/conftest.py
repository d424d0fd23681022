"""Settings of all tests."""

import os

from hypothesis import settings

# On a developer's machine examples are new at every run; continuous integration must not fail by chance.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
