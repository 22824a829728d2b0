"""Collects the ops of a graph while operations are imported, and which tensor is what view of which op."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from traces.base.arrays import NamedShapes
from traces.base.errors import GraphError, UnsupportedError, shown
from traces.graphs.files import parse_op, parse_part
from traces.graphs.importing.views import (
    ROLES,
    Pieces,
    View,
    covers,
    flat,
    image_out,
    laid_out,
    length,
    merged,
    whole,
)
from traces.graphs.kinds import FUSED, Activation, OpKind, TensorSize
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT, InputTensor, Op

_FUSABLE: frozenset[OpKind] = frozenset({"conv", "conv_transpose", "linear", "matmul", "add", "mul"})
_FOLDABLE: frozenset[OpKind] = frozenset({"conv", "conv_transpose", "linear", "matmul", "add"})


LOST = "reads what cannot be priced"


@dataclass(frozen=True, slots=True)
class KernelSizes:
    """The part of its input that one pixel of an op's output is made of, sizes along height and width [pixels]."""

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)

    @classmethod
    def of(cls, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> KernelSizes:
        """Return a window over one axis (the width) or two; strides and dilations that are left out are 1."""

        def both(what: str, values: Sequence[int]) -> tuple[int, int]:
            full = tuple(values) or (1,) * len(kernel)
            if len(full) != len(kernel):
                raise UnsupportedError(f"{what} {full} for a kernel {tuple(kernel)}; needs one size per axis")
            height, width = full if len(full) == 2 else (1, *full)
            return height, width

        return cls(both("kernel", kernel), both("stride", stride), both("dilation", dilation))

    @property
    def of_op(self) -> dict[str, int]:
        """The window by the names that an op has for it."""
        named = {"kernel": self.kernel, "stride": self.stride, "dilation": self.dilation}
        return {
            f"{what}_{axis}": n
            for what, pair in named.items()
            for axis, n in zip(ROLES[1:], pair, strict=True)
        }


PIXEL = KernelSizes()


class Emitter:
    """The graph in the making."""

    def __init__(self, name: str, shapes: NamedShapes, readers: Counter[str], taken: Sequence[str]) -> None:
        self.name = name
        self.shapes = shapes
        self.readers = readers
        self.ops: list[Op] = []
        self.views: dict[str, View] = {}
        self.padded: dict[str, tuple[str, View]] = {}  # tensors that only wait for the window that reads them
        self.inputs: list[InputTensor] = []
        self.lost: set[str] = set()  # put out by what cannot be priced
        self._place: dict[str, int] = {}
        self._names: Counter[str] = Counter()
        self._given: set[str] = set()
        self._taken = frozenset(taken)
        self._moved: dict[tuple[str, Pieces, Pieces, Pieces], str] = {}

    def add_input(self, tensor: str, view: View) -> None:
        """Add an input of the network; the first is ``"input"``."""
        name = self._unique(tensor) if self.inputs else INPUT
        channels, height, width = view.size
        sizes = {"name": name, "channels": channels, "height": height, "width": width}
        self.inputs.append(parse_part(InputTensor, sizes, f"input {shown(tensor)}"))
        self.views[tensor] = replace(view, source=name, private=False)

    def is_constant(self, tensor: str) -> bool:
        """Whether nothing computes the tensor."""
        if tensor in self.lost:
            raise UnsupportedError(LOST)
        return tensor not in self.views and tensor not in self.padded

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return a tensor's shape."""
        if tensor not in self.shapes:
            raise UnsupportedError(f"the shape of tensor {tensor!r} is not known")
        return self.shapes[tensor]

    def view(self, tensor: str) -> View:
        """Return what an op reads when it reads the tensor; padding becomes an op of its own."""
        if tensor in self.padded:
            name, view = self.padded.pop(tensor)
            shape = self.shape(tensor)
            try:
                out = self.resized(view, shape)
            except UnsupportedError:  # pixels that another axis lies between
                out = image_out(shape[1], shape[2:], channels_last=False)
            self.put(tensor, name, "copy", (view.source,), view.size, out)
        if self.is_constant(tensor):
            raise UnsupportedError(f"reads {tensor!r}, which is constant; needs what the network computes")
        view = self.views[tensor]
        if view.shape != self.shape(tensor):
            raise UnsupportedError(f"tensor {tensor!r}: is {view.shape}, the model says {self.shape(tensor)}")
        return view

    def unpadded(self, tensor: str) -> View:
        """Return the tensor as a window reads it that knows its own output: what is padded without padding."""
        return self.padded[tensor][1] if tensor in self.padded else self.view(tensor)

    def mark(self) -> int:
        """Return a place to go back to."""
        return len(self.ops)

    def back_to(self, mark: int) -> None:
        """Forget the ops since the mark."""
        del self.ops[mark:]
        self._moved = {key: name for key, name in self._moved.items() if self._place[name] < mark}

    def resized(self, view: View, shape: Sequence[int]) -> View:
        """Return a view of the same axes in other lengths, each still on its own part of its role.

        An axis whose length changes must be all there is of its role, or the outer part of it.
        """
        size, axes = list(view.size), list(view.axes)
        for i, (axis, new) in enumerate(zip(view.axes, shape, strict=True)):
            old = length(axis)
            if new == old:
                continue
            if not axis:  # of one place: take a role that nobody uses, wide before tall
                free = [role for role in reversed(ROLES) if size[ROLES.index(role)] == 1]
                if not free:
                    raise UnsupportedError(
                        f"axis {i} of {view.shape} grows to {new}: has no place of its own"
                    )
                size[ROLES.index(free[0])], axes[i] = new, whole(free[0], new)
                continue
            (piece, *others) = merged(axis)
            outermost = piece.stride * piece.size == size[ROLES.index(piece.role)]
            if others or not outermost:
                raise UnsupportedError(f"axis {i} of {view.shape} becomes {new}: it is no whole axis")
            size[ROLES.index(piece.role)] = piece.stride * new
            axes[i] = (replace(piece, size=new),) if new > 1 else ()
        return View.of(view.source, (size[0], size[1], size[2]), axes)

    def request(
        self, view: View, wanted: tuple[Sequence[Pieces], Sequence[Pieces], Sequence[Pieces]]
    ) -> View:
        """Return the tensor with these axes as its channels, height and width, by moving it where needed.

        The result's axes are those wanted, in their order.
        """
        axes = [axis for side in wanted for axis in side]
        sides = [merged(flat(side)) for side in wanted]
        have = [merged(whole(role, n)) for role, n in zip(ROLES, view.size, strict=True)]
        if sides == have:
            return replace(view, axes=tuple(axes))
        sizes = [prod(length(axis) for axis in side) for side in wanted]
        if prod(sizes) != prod(view.size):
            raise UnsupportedError(
                f"reads {prod(sizes):,} of {prod(view.size):,} elements of {view.source!r}"
            )
        size = (sizes[0], sizes[1], sizes[2])
        key = (view.source, sides[0], sides[1], sides[2])
        placed = [axis for side, role in zip(wanted, ROLES, strict=True) for axis in laid_out(side, role)]
        if key not in self._moved:
            kind: OpKind = "reshape" if view.keeps_order else "copy"
            suffix = "reshape" if kind == "reshape" else "transpose"
            self._moved[key] = self.emit(f"{view.source}.{suffix}", kind, (view.source,), view.size, size)
        return View(self._moved[key], size, tuple(placed), merged(flat(placed)), private=False)

    def put(  # noqa: PLR0913, PLR0917  # an op has these properties
        self,
        tensor: str,
        name: str,
        kind: OpKind,
        sources: tuple[str, ...],
        size: TensorSize,
        out: View,
        window: KernelSizes = PIXEL,
        groups: int = 1,
        activation: Activation = "none",
    ) -> None:
        """Add an op from ``size`` to the sizes of ``out`` and make it the tensor's."""
        made = self.emit(name, kind, sources, size, out.size, window, groups, activation)
        self.bind(
            tensor, replace(out, source=made, order=merged(flat(out.axes)), private=self.readers[tensor] == 1)
        )

    def bind(self, tensor: str, view: View) -> None:
        """Say what view of what op a tensor is."""
        if view.shape != self.shape(tensor):
            raise UnsupportedError(f"makes {view.shape}, the model says {self.shape(tensor)}")
        self.views[tensor] = view

    def pass_on(self, tensor: str, view: View) -> None:
        """Say that a tensor is a view of an op that others may read too."""
        self.bind(tensor, replace(view, private=view.private and self.readers[tensor] == 1))

    def emit(  # noqa: PLR0913, PLR0917  # as above
        self,
        name: str,
        kind: OpKind,
        sources: tuple[str, ...],
        size: TensorSize,
        out: TensorSize,
        window: KernelSizes = PIXEL,
        groups: int = 1,
        activation: Activation = "none",
    ) -> str:
        """Add an op and return its name."""
        own = self._unique(name)
        named = {"name": own, "kind": kind, "inputs": sources, "groups": groups, "activation": activation}
        try:
            op = parse_op({**named, **_sizes("in", size), **_sizes("out", out), **window.of_op})
        except GraphError as problem:
            raise UnsupportedError(str(problem)) from None
        self._place[own] = len(self.ops)
        self.ops.append(op)
        return own

    def fuse(self, view: View, activation: Activation) -> bool:
        """Put an activation behind the op that makes the tensor, if that is free and nobody else looks."""
        op = self._behind(view, _FUSABLE)
        if op is None or activation not in FUSED:
            return False
        self.ops[self._place[op.name]] = op.model_copy(update={"activation": activation})
        return True

    def folds(self, view: View, scalar: bool) -> bool:
        """Whether a constant sum or product disappears in the weights or the rescaling of the op before."""
        op = self._behind(view, _FOLDABLE)
        return op is not None and (scalar or op.kind not in {"add", "matmul"})

    def finish(self, batch: int, skipped: tuple[str, ...]) -> NetworkGraph:
        """Return the whole graph, checked."""
        if not self.ops:
            raise GraphError("has no node that works; needs at least one convolution or product")
        first, *others = self.inputs or [InputTensor(name=INPUT, channels=1)]
        whole_graph = {
            "name": self.name,
            "input_channels": first.channels,
            "input_height": first.height,
            "input_width": first.width,
            "ops": tuple(self.ops),
            "other_inputs": tuple(others),
            "batch": batch,
            "skipped": skipped,
        }
        return parse_part(NetworkGraph, whole_graph, "as a whole")

    def _behind(self, view: View, kinds: frozenset[OpKind]) -> Op | None:
        if not view.private or view.source not in self._place:
            return None
        op = self.ops[self._place[view.source]]
        return op if op.kind in kinds and op.activation == "none" else None

    def _unique(self, name: str) -> str:
        base = f"{name}_" if name == INPUT else name
        self._names[base] += 1
        own = base if self._names[base] == 1 else f"{base}#{self._names[base]}"
        while own in self._given or (own != base and own in self._names):
            self._names[base] += 1
            own = f"{base}#{self._names[base]}"
        self._given.add(own)
        return own


def pixels_cover(view: View, rows: Pieces) -> bool:
    """Whether the pieces are all pixels of a tensor, in any order, and no channels."""
    return covers(rows, view.size, ("height", "width"))


def _sizes(side: str, size: TensorSize) -> dict[str, int]:
    return {f"{side}_{role}": n for role, n in zip(("channels", "height", "width"), size, strict=True)}
