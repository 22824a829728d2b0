"""Figures of the generated pages of docs/, a file each: what it shows, and its drawing."""
