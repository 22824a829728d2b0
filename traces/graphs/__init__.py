"""Networks as graphs: their checks, builders, files and readers."""
