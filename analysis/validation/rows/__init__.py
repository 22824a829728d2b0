"""A file of measured rows beside the model, one kind of row at a time; the kinds are listed in ``row_kinds.py``."""
