"""What a microNPU moves: feature maps, coded weights, slices of weights brought ahead."""
