"""Which tasks there are, in which order, and how long each takes."""
