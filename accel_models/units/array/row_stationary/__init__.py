"""Row-stationary arrays: what a pass takes, and the pass that an op takes."""
