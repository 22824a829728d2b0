"""What a report calls its replays: network, design with its changed settings, policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.names import design_words, network_title
from analysis.words import slug

if TYPE_CHECKING:
    from simulator import Policy, Results

_AS_WRITTEN: Final = "as written"
_KEY_PART: Final = 48  # Choice: characters of a file name for the network, and for the rest


@dataclass(frozen=True, slots=True)
class ReplayName:
    """What one replay is called."""

    network: str  # "LC-Net ResNet-20 50 %"
    label: str  # "Edge NPU 16 x 16, array rows 8, batch 4": unique among the replays of the network
    typed: str  # "edge_npu_16x16, array.rows=8, batch 4": the same, for a terminal
    key: str  # both, as file names and anchors hold them: unique

    @property
    def full(self) -> str:
        """The whole name."""
        return f"{self.network} on {self.label}"


def name_replays(replays: Sequence[Results], folders: Sequence[str]) -> tuple[ReplayName, ...]:
    """Return what the replays are called; those that are alike in all that has a word carry their folder's name."""
    plain = [(network_title(one.figures.network), _label(one)) for one in replays]
    alike = Counter(plain)
    names, taken = [], Counter[str]()
    for one, (network, label), folder in zip(replays, plain, folders, strict=True):
        apart = f" ({folder})" if alike[network, label] > 1 and folder else ""
        typed = ", ".join([one.design.title, *policy_words(one.policy)]) + apart
        key = f"{slug(one.figures.network)[:_KEY_PART]}_{slug(typed)[:_KEY_PART]}"
        taken[key] += 1
        names.append(
            ReplayName(network, label + apart, typed, key if taken[key] == 1 else f"{key}-{taken[key]}")
        )
    return tuple(names)


def told_apart(replays: Sequence[Results], folders: Sequence[str]) -> tuple[str, ...]:
    """Return names that tell replays apart in a terminal: design, settings and policy; network, where they differ."""
    names = name_replays(replays, folders)
    alone = len({name.network for name in names}) == 1
    return tuple(name.typed if alone else f"{name.network} on {name.typed}" for name in names)


def _label(one: Results) -> str:
    return ", ".join([design_words(one.design), *policy_words(one.policy)])


def policy_words(policy: Policy) -> list[str]:
    """Return what a policy does otherwise than the default one."""
    from accel_models import STEPS  # noqa: PLC0415  (slow to import, and the command line's help needs none of it)
    from simulator import Policy  # noqa: PLC0415  (as above)

    words = [f"prefetch {policy.prefetch}"] if policy.prefetch != Policy().prefetch else []
    if policy.fetching.reads_rates:
        words.append(f"theta {policy.theta:g}")
    if policy.batch > 1:
        words.append(f"batch {policy.batch}")
        words += ["similar inputs together"] if policy.batch_order == "similar" else []
        words += ["compacted per input"] if policy.compaction == "per_input" else []
    left_out = [step for step in STEPS if step not in policy.compiler.steps]
    if not policy.compiler.steps:
        return [*words, _AS_WRITTEN]
    return [*words, f"without {', '.join(left_out)}"] if left_out else words
