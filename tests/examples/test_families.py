"""Truth: every family of dynamic networks goes the whole way, its MACs those that torch counts of real skipping."""

from __future__ import annotations

import importlib
import inspect
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402  (torch may be missing)
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402  (torch may be missing)

import lacuna as lc  # noqa: E402  (as above)
from accel_models import load_design  # noqa: E402  (as above)
from examples.families.parts import batches, randomised  # noqa: E402  (as above)
from simulator import replay  # noqa: E402  (as above)
from traces import NetworkGraph, Trace, lower  # noqa: E402  (as above)

NAMES = sorted(
    path.stem
    for path in (Path(__file__).parents[2] / "examples" / "families").glob("*.py")
    if path.stem not in {"__init__", "parts", "vit"}
)
SAME_MACS = {"fbs", "mixture_of_depths"}  # keep a fixed number of channels, or tokens, of every input
MOST_LINES = 12


def cases() -> list[tuple[str, str]]:
    modes = {"laudnet": ("layer", "channel", "spatial", "both")}
    return [(name, mode) for name in NAMES for mode in modes.get(name, ("",))]


def recorded(name: str, mode: str) -> tuple[ModuleType, Any, Trace]:
    family = importlib.import_module(f"examples.families.{name}")
    torch.manual_seed(getattr(family, "SEED", 0))
    model = randomised(family.Network(mode) if mode else family.Network())
    return family, model, family.recorded(model, list(batches()))


def counted(family: ModuleType, model: Any, trace: Trace) -> list[int]:
    """Count what torch really multiplies when one input after the other skips [MAC]."""
    model.skipping = True
    found: list[int] = []
    for images, _ in batches():
        for k in range(len(images)):
            if hasattr(family, "repeat"):  # noise, or a user, decides: as it was recorded
                family.repeat(model, trace, len(found))
            with (
                torch.no_grad(),
                sdpa_kernel(SDPBackend.MATH),
                FlopCounterMode(display=False) as counter,
            ):  # fused, it counts as 0
                model(images[k : k + 1])
            found.append(counter.get_total_flops() // 2)
    return found


@pytest.mark.parametrize(("name", "mode"), cases())
def test_a_family_goes_the_whole_way(name: str, mode: str) -> None:
    family, model, trace = recorded(name, mode)
    macs = lower(trace).macs
    assert macs.tolist() == counted(family, model, trace)
    decided = {name: len(np.unique(values, axis=0)) for name, values in trace.decisions.items()}
    assert max(decided.values()) > 1, "its gates tell no inputs apart"
    assert name in SAME_MACS or len(set(macs.tolist())) > 1, "every input costs the same"
    for design in ("edge_npu_16x16", "cortex_m55"):
        results = replay(trace, load_design(design))
        assert results.per_input["macs"].tolist() == macs.tolist()
        assert (results.per_input["latency_cycles"] > 0).all()
        assert (results.per_input["energy_pj"] > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_user_writes_at_most_twelve_lines(name: str) -> None:
    family = importlib.import_module(f"examples.families.{name}")
    lines = [line for line in inspect.getsource(family.recorded).splitlines()[1:] if line.strip()]
    assert len(lines) <= MOST_LINES


# Products that an export has and torch does not run, and the other way round: a cell's product with a state of zeros
# is a constant, so of three cells' two products each five are left.
EXPORTED = {"skipnet_rnn": (Counter({(1, 20, 40, 1): 3}), Counter({(1, 10, 40, 1): 5}))}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "mode"), cases())
def test_an_exported_family_is_read_as_it_is_captured(name: str, mode: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    _, model, _ = recorded(name, mode)
    model.skipping = False
    images = next(iter(batches()))[0][:1]
    with_fixed_pools(model, images)
    torch.onnx.export(model, (images,), str(tmp_path / "f.onnx"), dynamo=False, opset_version=17)
    captured, read = products(lc.capture(model, images)), products(lc.load_network(tmp_path / "f.onnx"))
    only_captured, only_read = EXPORTED.get(name, (Counter(), Counter()))
    assert captured - read == only_captured
    assert read - captured == only_read


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "mode"), cases())
def test_torch_export_sees_the_products_that_capture_sees(name: str, mode: str) -> None:
    _, model, _ = recorded(name, mode)
    model.skipping = False
    images = next(iter(batches()))[0][:1]
    exported = torch.export.export(model, (images,), strict=False)
    calls, kept = counted_calls(exported.module(), images), counted_calls(model, images)
    assert calls == kept


def counted_calls(module: Any, images: Any) -> Counter[str]:
    """Return what torch counts for every kind of operation of one forward pass [FLOP]."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(images)
    return Counter({str(kind): int(flops) for kind, flops in counter.get_flop_counts()["Global"].items()})


def products(graph: NetworkGraph) -> Counter[tuple[int, ...]]:
    return Counter((*op.product, op.groups) for op in graph if op.macs)


def with_fixed_pools(model: Any, images: Any) -> None:
    """Let adaptive pools, whose input's size torch's exporter loses, be the pools that they are."""

    def note(pool: Any, args: tuple[Any, ...], out: Any) -> None:
        kernels[pool] = (args[0].shape[2] // out.shape[2], args[0].shape[3] // out.shape[3])

    kernels: dict[Any, tuple[int, int]] = {}
    pools = [module for module in model.modules() if isinstance(module, torch.nn.AdaptiveAvgPool2d)]
    handles = [pool.register_forward_hook(note) for pool in pools]
    model(images)
    for handle in handles:
        handle.remove()
    for module in list(model.modules()):
        for child, pool in list(module.named_children()):
            if pool in kernels:
                setattr(module, child, torch.nn.AvgPool2d(kernels[pool]))
