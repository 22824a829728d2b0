"""Gates laid over graphs by name, and decisions read from whatever shape they come in."""
