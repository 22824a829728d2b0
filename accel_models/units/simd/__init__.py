"""SIMD cores: kernels, software sets, and the price of ops on them."""
