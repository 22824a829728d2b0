"""Unit: what used to be recorded wrongly without a word, each refused with the way out or recorded right."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from networks.capturing.capture import capture
from networks.recording.recorder import record
from traces.base.errors import GraphError
from traces.gating.requests import GateRequest, exits, layer
from traces.graphs.network import NetworkGraph

INPUTS = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(8) % 3


class Gated(nn.Module):
    """A layer behind a gate; what the gate and the network put out is up to the test."""

    def __init__(self, gate: nn.Module, calls: int = 1, pack: object = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.score, self.gate, self.calls, self.pack = nn.Linear(4, 1), gate, calls, pack
        self.bodies = nn.ModuleList([nn.Linear(4, 4) for _ in range(calls)])
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> object:
        for body in self.bodies:
            mask = self.gate(self.score(x))
            mask = mask[0] if isinstance(mask, tuple) else mask
            x = x + body(x) * (mask > 0.5)
        out = self.head(x)
        return out if self.pack is None else self.pack(out)  # type: ignore[operator]  # a function


class Hard(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x > 0).float()


class Two(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (x > 0).float(), x


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (torch.rand_like(x) + x > 0.5).float()


def graph_of(model: Gated, *gates: GateRequest) -> NetworkGraph:
    return capture(
        model, INPUTS, answer=lambda out: out if isinstance(out, Tensor) else next(iter(out))
    ).with_gates(*gates)


def test_a_sigmoid_is_not_taken_for_always_open() -> None:
    model = Gated(nn.Sigmoid())
    with pytest.raises(GraphError, match=r"probabilities: open=lambda y: y > 0.5"):
        record(model, graph_of(model, layer("gate", guards="bodies.0")), [(INPUTS, LABELS)])
    asked = graph_of(model, layer("gate", guards="bodies.0", open=lambda y: y > 0.5))
    trace = record(model, asked, [(INPUTS, LABELS)])
    assert trace.decisions["gate"].tolist() == (model.score(INPUTS)[:, 0] > 0).tolist()
    assert 0 < trace.decisions["gate"].mean() < 1


def test_every_call_of_a_controller_is_recorded() -> None:
    model = Gated(Hard(), calls=2)
    both = [layer("gate", guards="bodies.0"), layer("gate#2", guards="bodies.1")]
    trace = record(model, graph_of(model, *both), [(INPUTS, LABELS)])
    first = model.score(INPUTS)[:, :1] > 0
    assert trace.decisions["gate"].tolist() == first[:, 0].tolist()
    then = INPUTS + model.bodies[0](INPUTS) * first
    assert trace.decisions["gate#2"].tolist() == (model.score(then)[:, 0] > 0).tolist()
    with pytest.raises(GraphError, match=r"called 2 times in a forward pass; .*'gate', 'gate#2'"):
        record(model, graph_of(model, layer("gate", guards="bodies.0")), [(INPUTS, LABELS)])


def test_of_a_tuple_the_part_that_is_0_or_1_is_the_decision() -> None:
    model = Gated(Two())
    trace = record(model, graph_of(model, layer("gate", guards="bodies.0")), [(INPUTS, LABELS)])
    assert trace.decisions["gate"].tolist() == (model.score(INPUTS)[:, 0] > 0).tolist()


def test_noise_is_reported_and_a_seed_fixes_it() -> None:
    model = Gated(Noisy())
    graph = graph_of(model, layer("gate", guards="bodies.0"))
    with pytest.raises(GraphError, match=r"decide differently: gate 'gate' for \d of 8.*seed="):
        record(model, graph, [(INPUTS, LABELS)])
    before = torch.random.get_rng_state()
    first, second = (record(model, graph, [(INPUTS, LABELS)], seed=3) for _ in range(2))
    assert first.decisions["gate"].tolist() == second.decisions["gate"].tolist()
    assert first.info.seed == 3
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("pack", "hint"),
    [(lambda y: (y, y), r"answer=lambda out: out\[0\]"), (lambda y: {"a": y, "b": y}, r"out\['a'\]")],
)
def test_an_answer_among_several_is_asked_for(pack: object, hint: str) -> None:
    model = Gated(Hard(), pack=pack)
    graph = capture(model, INPUTS).with_gates(layer("gate", guards="bodies.0"))
    with pytest.raises(GraphError, match=hint):
        record(model, graph, [(INPUTS, LABELS)])


def test_what_fails_in_a_users_function_is_told_with_shapes() -> None:
    model = Gated(Hard())
    graph = graph_of(model, layer("gate", guards="bodies.0", open=lambda y: y.nothing))
    with pytest.raises(GraphError, match=r"gate 'gate': open= fails on a Tensor .*\(8, 1\).*AttributeError"):
        record(model, graph, [(INPUTS, LABELS)])


def test_decide_gives_what_no_module_puts_out() -> None:
    model = Gated(Hard())
    graph = graph_of(model, layer("elsewhere", guards="bodies.0"))
    bits = [1, 0, 1, 0, 1, 0, 1, 0]
    trace = record(model, graph, [(INPUTS, LABELS)], decide=lambda net, out: {"elsewhere": bits})
    assert trace.decisions["elsewhere"].tolist() == [bool(bit) for bit in bits]


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([INPUTS], r"batch 0 is a Tensor; needs \(inputs, labels\)"),
        ([(INPUTS, LABELS), (INPUTS,)], r"batch 1 is a tuple of 1; needs \(inputs, labels\)"),
        ([(INPUTS, LABELS[:3])], r"batch 0 has 3 labels for inputs of shape \(8, 4\); needs one per input"),
        (
            [(INPUTS, torch.rand(8))],
            r"labels of batch 0 have shape \(8,\); need \(inputs,\), a whole number",
        ),
        ([(INPUTS, None)], r"labels of batch 0 have shape \(\)"),
        ([(INPUTS[:, :3], LABELS)], r"Gated does not run on a batch of shape \(8, 3\): RuntimeError: mat1"),
        ([("words", LABELS)], r"Gated does not run on a batch of shape : TypeError"),
    ],
)
def test_batches_that_cannot_be_are_refused_in_words(batches: list[object], message: str) -> None:
    model = Gated(Hard())
    graph = graph_of(model, layer("gate", guards="bodies.0"))
    with pytest.raises(GraphError, match=message):
        record(model, graph, batches)  # type: ignore[arg-type]  # the error is the point


class Early(nn.Module):
    """Ends after the first exit if that is sure."""

    def __init__(self, *, real: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.real, self.body = real, nn.Linear(4, 4)
        self.exits = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])

    def forward(self, x: Tensor) -> Tensor:
        early = self.exits[0](x)
        if self.real and bool(early.softmax(1).amax() >= 0.5):
            return early
        return self.exits[1](torch.relu(self.body(x))) + 0 * early


def test_a_network_that_really_ends_early_is_recorded_one_by_one() -> None:
    graph = capture(Early(real=False), INPUTS).with_gates(exits("exits.*", threshold=0.5))
    whole = record(Early(real=False), graph, [(INPUTS, LABELS)])
    singles = [(INPUTS[k : k + 1], LABELS[k : k + 1]) for k in range(8)]
    halted = record(Early(real=True), graph, singles)
    assert halted.decisions["exits"].tolist() == whole.decisions["exits"].tolist()
    assert 0 < whole.decisions["exits"].mean() < 1
    assert "exits" in whole.exit_confidences
    assert "exits" not in halted.exit_confidences
    with pytest.raises(GraphError, match="batches of one"):
        record(Early(real=True), graph, [(8 * INPUTS, LABELS)])


def test_an_entropy_threshold_is_at_most_so_many_nats() -> None:
    model = Early(real=False)
    graph = capture(model, INPUTS).with_gates(exits("exits.*", confidence="entropy", threshold=1.0))
    trace = record(model, graph, [(INPUTS, LABELS)])
    shares = model.exits[0](INPUTS).softmax(1)
    sure = -(shares * shares.log()).sum(1) <= 1.0
    assert trace.decisions["exits"].tolist() == (~sure).int().tolist()
