"""Laws look at new examples on every run of a developer; CI looks at the same ones every time.

No example has a deadline: how long one takes is the machine's business, and a busy one is slow.
"""

import os

from hypothesis import settings

settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "developer")
