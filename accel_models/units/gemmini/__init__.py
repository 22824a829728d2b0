"""Gemmini: its queues, tiles and loops, and the price of ops on it."""
