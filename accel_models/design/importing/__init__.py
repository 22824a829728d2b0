"""Designs read from the files of other tools; what they cannot say here is refused by name."""
