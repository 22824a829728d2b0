"""Systolic arrays: their equations, tiles, and the price of ops on them."""
