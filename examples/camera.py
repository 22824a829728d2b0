"""A camera at 30 frames per second under a budget: the clock that a Cortex-M55 needs.

The mean latency says little: frames of one scene are alike, so slow ones come in a row and queue.
"""

from __future__ import annotations

import lacuna as lc

RATE_HZ = 30
BUDGET_MW = 60
MOST_MISSED = 0.01
CLOCKS = ("200 MHz", "250 MHz", "300 MHz", "350 MHz", "400 MHz")


def main() -> None:
    """Stream the same frames at every clock and pick the slowest that holds deadline and budget."""
    scene = lc.SyntheticSettings(rates=0.5, layer_correlation=0.3, input_correlation=0.8)
    trace = lc.synthetic_trace(lc.cifar_resnet(20, "layer"), 600, scene)
    camera = lc.StreamSettings(
        arrivals=lc.Arrivals(kind="periodic", rate_hz=RATE_HZ), deadline_s=1 / RATE_HZ, queue=2
    )
    print("          dense     mean      p99   in the stream:  p99   missed   power")
    fits = []
    for clock in CLOCKS:
        design = lc.load_design("cortex_m55", {"clock": clock})
        alone = lc.replay(trace, design, explain=False).replayed
        streamed = lc.stream(trace, design, camera).summary()
        power_mw = streamed.energy_uj_per_frame * RATE_HZ / 1000
        if streamed.miss_rate <= MOST_MISSED and power_mw <= BUDGET_MW:
            fits.append(clock)
        print(
            f"{clock}  {alone.dense.latency_us / 1000:5.1f} ms  {alone.latency_us.mean / 1000:4.1f} ms"
            f"  {alone.latency_us.p99 / 1000:4.1f} ms           {streamed.latency_us.p99 / 1000:5.1f} ms"
            f"  {streamed.miss_rate:6.1%}  {power_mw:3.0f} mW"
        )
    best = fits[0] if fits else "no clock"
    print(f"{best} misses at most {MOST_MISSED:.0%} of the deadlines within {BUDGET_MW} mW")


if __name__ == "__main__":
    main()
