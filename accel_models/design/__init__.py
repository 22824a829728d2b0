"""A design as a file and as typed, checked values."""
