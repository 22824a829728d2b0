"""The command line, nothing else."""

from importlib.metadata import version

__version__ = version("lacuna")
