"""What a report tells of sweeps and searches."""
