"""Recording gate decisions as traces; what ships."""
