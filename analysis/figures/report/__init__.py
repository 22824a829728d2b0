"""Figures of a report, a file each: what it shows, its chart, and its drawing."""
