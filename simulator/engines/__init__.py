"""Two engines that agree to the cycle, and the times both return."""
