"""Questions an architect asks of one network on one design: worth, why, what would help, break-even."""
