"""Pareto ranks, fronts and hypervolumes."""
