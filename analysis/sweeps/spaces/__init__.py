"""Spaces of design points, and the files that describe them."""
