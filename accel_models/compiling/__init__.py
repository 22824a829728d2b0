"""What a compiler does to graph and design before pricing: one file per step, each can be switched off."""
