"""Arrays beside truth from outside: SCALE-Sim, ZigZag, an FPGA of dynamic pruning, Gemmini in Verilator and FireSim."""
