"""Commands that answer one question about a network on a design."""
