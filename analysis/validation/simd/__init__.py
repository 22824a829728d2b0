"""The SIMD core beside counted instructions, measured layers and whole networks."""
