"""What lies behind Gemmini: lines and requests, the DMA engine and its queues, caches that keep lines."""
