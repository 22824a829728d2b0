"""Names of operations: the path of the module that does them.

A module that does one thing gives it its own name (``layer1.0.conv1``); further operations of a module get the
operation's name behind it (``layer1.0.add``), numbered from the second on (``layer1.0.add#2``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from networks.capturing.calls import Call
from networks.capturing.modules import numbered

SHORT = {
    "convolution": "conv",
    "_convolution": "conv",
    "addmm": "linear",
    "mm": "linear",
    "bmm": "matmul",
    "baddbmm": "matmul",
    "scaled_dot_product_attention": "attention",
    "native_layer_norm": "layer_norm",
    "native_group_norm": "group_norm",
    "native_batch_norm": "batch_norm",
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_softmax": "softmax",
    "_safe_softmax": "softmax",
    "max_pool2d_with_indices": "max_pool",
    "avg_pool2d": "avg_pool",
    "_adaptive_avg_pool2d": "avg_pool",
}
_MAIN = frozenset(
    {*SHORT, "lstm_cell", "gru_cell", "lstm", "gru", "rnn_tanh", "rnn_relu", "rnn_tanh_cell", "rnn_relu_cell"}
)
_MOVES = frozenset(
    {"view", "_unsafe_view", "t", "transpose", "permute", "expand", "unsqueeze", "squeeze", "detach", "clone"}
    | {"_to_copy", "select", "slice", "split", "split_with_sizes", "lacuna_overlay", "alias"}
)  # what may surround the one thing that a module does


def operation_names(calls: Sequence[Call]) -> list[str]:
    """Return a name of its own for each call."""
    main = Counter((call.module, call.number) for call in calls if call.op in _MAIN)
    other = Counter((call.module, call.number) for call in calls if call.op not in _MAIN | _MOVES)
    taken: Counter[str] = Counter()
    names = []
    for call in calls:
        frame = (call.module, call.number)
        alone = main[frame] == 1 if call.op in _MAIN else not main[frame] and other[frame] == 1
        base = call.module
        if not (alone and base and call.op not in _MOVES):
            base = ".".join(part for part in (base, short_name(call.op)) if part)
        taken[base] += 1
        names.append(numbered(base, taken[base]))
    return names


def short_name(op: str) -> str:
    """Return an operation's name as people know it."""
    return SHORT.get(op, op.strip("_"))
