"""Gates that are functions, no modules: read by the names of their operations; messages where that cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lacuna as lc
from traces import GraphError, UnsupportedError, lower

torch = pytest.importorskip("torch", reason="the networks extra is not installed")
from torch import Tensor, nn  # noqa: E402  # after the check that torch is there


class Block(nn.Module):
    """A convolution whose channels a comparison chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.score = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 8)

    def decided(self, x: Tensor) -> Tensor:
        out: Tensor = self.score(x.mean((2, 3))) > 0
        return out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) * self.decided(x).float()[:, :, None, None]


class Network(nn.Module):
    """Two such blocks."""

    def __init__(self, *, looks: bool = False) -> None:
        super().__init__()
        self.looks = looks
        self.stem, self.one, self.two, self.head = nn.Conv2d(3, 8, 3), Block(), Block(), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(self.stem(x))
        if self.looks and float(x.mean()) > 1e9:
            return x.mean((2, 3))
        out: Tensor = self.head(self.two(x).mean((2, 3)))
        return out


def batches() -> list[Any]:
    torch.manual_seed(3)
    return [(torch.randn(16, 3, 8, 8), torch.randint(0, 4, (16,))) for _ in range(2)]


def test_a_comparison_is_a_gate_of_its_block() -> None:
    model, data = Network(), batches()
    graph = lc.capture(model, data[0][0]).with_gates(
        lc.channel("one.gt", guards="one.conv"), lc.channel("two.gt", guards="two.conv")
    )
    trace = lc.record(model, graph, data)
    with torch.no_grad():
        x = model.stem(torch.cat([images for images, _ in data]))
        wanted = [model.one.decided(x), model.two.decided(model.one(x))]
    for name, bits in zip(("one.gt", "two.gt"), wanted, strict=True):
        found = np.unpackbits(trace.decisions[name].astype(np.uint8), axis=1, bitorder="little")
        assert (found == bits.numpy()).all()
        assert 0 < found.mean() < 1
    assert lower(trace).macs.mean() < graph.macs


def test_what_a_function_puts_out_may_need_reading() -> None:
    """The score is a linear layer: a function of the graph as well as a module, here by the function behind it."""
    model, data = Network(), batches()
    graph = lc.capture(model, data[0][0]).with_gates(lc.channel("gate", module="one.gt", guards="one.conv"))
    trace = lc.record(model, graph, data)
    assert set(trace.decisions) == {"gate"}


def test_a_function_in_a_network_that_looks_at_its_data_is_refused() -> None:
    model, data = Network(looks=True), batches()
    with pytest.warns(UserWarning, match="looks at its data"):
        graph = lc.capture(model, data[0][0])
    with pytest.raises(GraphError, match=r"gate 'one.gt' is a function, and the network looks at its data"):
        lc.record(model, graph.with_gates(lc.channel("one.gt", guards="one.conv")), data)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"decide=: puts out a NoneType; needs the decisions by gate: .*'one.gt': bits"),
        ({"three": 1}, "decide=: the graph has no gate 'three'"),
    ],
)
def test_decisions_that_are_none_are_refused(given: Any, message: str) -> None:
    model, data = Network(), batches()
    graph = lc.capture(model, data[0][0]).with_gates(lc.channel("one.gt", guards="one.conv"))
    with pytest.raises(GraphError, match=message):
        lc.record(model, graph, data, decide=lambda model, out: given)


def test_an_answer_that_holds_no_tensor_is_named() -> None:
    class Holder:
        def __init__(self, logits: Tensor) -> None:
            self.logits = logits

    class Wrapped(Network):
        def forward(self, x: Tensor) -> Any:
            return Holder(super().forward(x))

    with pytest.raises(
        GraphError, match=r"Wrapped puts out a Holder, in which no tensor is found; .*out.logits"
    ):
        lc.capture(Wrapped(), torch.randn(1, 3, 8, 8))
    graph = lc.capture(Wrapped(), torch.randn(1, 3, 8, 8), answer=lambda out: out.logits)
    assert graph.macs == lc.capture(Network(), torch.randn(1, 3, 8, 8)).macs


def test_a_function_is_no_network() -> None:
    graph = lc.capture(Network(), torch.randn(1, 3, 8, 8))
    for refused in (
        lambda: lc.capture(torch.relu, torch.randn(1, 3)),
        lambda: lc.record(torch.relu, graph, []),
    ):
        with pytest.raises(GraphError, match=r"is no network; needs a torch.nn.Module"):
            refused()


@pytest.mark.filterwarnings("ignore")
def test_a_traced_network_is_what_was_traced() -> None:
    plain, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), torch.randn(1, 3, 8, 8)
    assert lc.capture(torch.jit.trace(plain, x), x).macs == lc.capture(plain, x).macs == 36 * 27 * 4


@pytest.mark.filterwarnings("ignore")
def test_packed_sequences_are_refused_by_name() -> None:
    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.LSTM(4, 6, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(x, [5] * len(x), batch_first=True)
            out: Tensor = self.cells(packed)[1][0]
            return out

    with pytest.raises(UnsupportedError, match="reads packed sequences; needs padded ones"):
        lc.capture(Packed(), torch.randn(1, 5, 4))
