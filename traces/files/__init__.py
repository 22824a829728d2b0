"""Traces on disk: columns, storage, seal."""
