"""Laws look at new examples on every run of a developer; CI looks at the same ones every time."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
