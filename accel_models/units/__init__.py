"""What one piece of work costs on each kind of compute unit."""
