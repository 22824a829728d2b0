"""What a trace leaves to do: active channels, states, workloads."""
