"""What replays in a report are called, and what is told of all of them together."""
