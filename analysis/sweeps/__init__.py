"""Spaces of designs, evaluated as a grid or searched."""
