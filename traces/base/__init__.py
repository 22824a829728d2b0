"""What every other room uses: errors, atomic files."""
