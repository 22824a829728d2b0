"""Frames that arrive over time: deadlines, budgets, DVFS."""
