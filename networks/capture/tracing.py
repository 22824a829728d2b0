"""One forward pass of one input as a list of tensor operations, whoever called them.

Every operation that reaches PyTorch's dispatcher is noted with its module, so functions, methods, shared modules and
custom code count alike.  A network that looks at its data (``if gate > 0:``) shows only the path that its example
takes; that it looked is noted, and :attr:`Tracing.reason` says where.

::

    model + example ──► calls: operation, arguments, shapes, module, MACs that torch counts itself
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.flop_counter import flop_registry

from networks.capture.modules import ModuleCalls

_FLOP_PER_MAC = 2  # torch.utils.flop_counter counts a multiplication and an addition
# Functions noted as one operation: torch runs their parts in kernels of its own, or step by step.
_WHOLE = frozenset(
    {"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell", "lstm", "gru", "scaled_dot_product_attention"}
)
# Operations that hand a tensor's data to Python: what leads there is no dead code.
_LOOKS = frozenset({"_local_scalar_dense", "is_nonzero", "nonzero", "equal", "item"})
_EXPORTS = frozenset({"numpy", "__array__", "tolist"})
_RANDOM = frozenset(
    {
        "rand_like",
        "randn_like",
        "randint_like",
        "exponential_",
        "normal_",
        "uniform_",
        "random_",
        "zeros_like",
    }
    | {
        "ones_like",
        "empty_like",
        "full_like",
        "new_zeros",
        "new_ones",
        "new_empty",
        "new_full",
        "zero_",
        "gumbel",
    }
)  # what they put out does not depend on what they read
_IGNORED = frozenset({"device", "sym_size", "sym_numel", "sym_stride", "layout", "dtype"})


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor, by its number."""

    id: int


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a tensor: its shape, for one input, and whether it depends on the input at all."""

    shape: tuple[int, ...]
    constant: bool


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One operation of the forward pass."""

    op: str  # "convolution", "addmm", ...: its name in PyTorch's dispatcher
    args: tuple[Any, ...]  # tensors replaced by Ref
    options: Mapping[str, Any]
    outputs: tuple[int, ...]
    module: str  # path of the innermost module
    number: int  # of that module's call, from 1
    macs: int  # as torch.utils.flop_counter has it [MAC]

    @property
    def inputs(self) -> tuple[int, ...]:
        """Numbers of the tensors it reads, in order."""
        return tuple(leaf.id for leaf in tree_flatten((self.args, self.options))[0] if isinstance(leaf, Ref))


@dataclass(slots=True, eq=False)
class Tracing:
    """A whole forward pass."""

    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # what the network puts out, or its answer
    looked_at: list[int] = field(default_factory=list)  # tensors whose data Python code read
    module_outputs: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    module_calls: dict[str, int] = field(default_factory=dict)
    reason: str = ""  # where data was looked at, so that only the example's path is noted; "" if nowhere


@torch.no_grad()
def trace(model: nn.Module, example: tuple[Any, ...], answer: Callable[[Any], Any]) -> Tracing:
    """Return the operations of one forward pass in evaluation mode; the model is left as it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        return _run(model, example, answer)
    finally:
        for module, training in modes.items():
            module.training = training


def _run(model: nn.Module, example: tuple[Any, ...], answer: Callable[[Any], Any]) -> Tracing:
    calls = ModuleCalls(model)
    noter = _Noter(calls)
    for tensor in _tensors(example):
        noter.tracing.inputs.append(noter.new(tensor, constant=False))
    with ExitStack() as stack:
        stack.enter_context(calls.watching(noter.module_left))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))  # attention as its products and softmax
        stack.enter_context(_plain_transformers())
        stack.enter_context(_WholeFunctions(noter))
        stack.enter_context(noter)
        output = model(*example)
    noter.tracing.answers = [noter.known(tensor) for tensor in _tensors(answer(output))]
    noter.tracing.module_calls = calls.times()
    return noter.tracing


@contextmanager
def _plain_transformers() -> Iterator[None]:
    """Turn torch's fused transformer layers off; their parts are what is counted."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Turn oneDNN off, whose LSTMs count as nothing."""
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


class _Noter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Notes every operation that reaches the dispatcher."""

    def __init__(self, calls: ModuleCalls) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own
        self.tracing = Tracing()
        self.hidden_macs: int | None = None  # counts the parts of a function noted as a whole
        self._calls = calls
        self._numbers: dict[int, int] = {}  # by the identity of the tensor
        self._storages: dict[int, set[int]] = {}  # tensors that share memory, by its identity
        self._alive: dict[int, Tensor] = {}  # so that identities stay unique

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from loading its compiler around this mode, which takes seconds and serves nothing here."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.split("::")[1]
        out = func(*args, **kwargs)
        if name in _IGNORED:
            return out
        packet = func.overloadpacket
        macs = 0
        if packet in flop_registry:
            macs = int(flop_registry[packet](*args, **kwargs, out_val=out)) // _FLOP_PER_MAC
        if self.hidden_macs is not None:
            self.hidden_macs += macs
            return out
        written = [
            given
            for argument, given in zip(func._schema.arguments, args, strict=False)
            if argument.alias_info is not None and argument.alias_info.is_write and isinstance(given, Tensor)
        ]
        self.note(name, args, kwargs, out, macs, written)
        return out

    def note(  # noqa: PLR0913, PLR0917  # what there is to know of a call
        self, name: str, args: Any, kwargs: Any, out: Any, macs: int, written: list[Tensor]
    ) -> None:
        """Add a call; what it writes in place is a new value of the same tensor."""
        args, options = tree_map(lambda x: Ref(self.known(x)) if isinstance(x, Tensor) else x, (args, kwargs))
        read = [leaf.id for leaf in tree_flatten((args, options))[0] if isinstance(leaf, Ref)]
        constant = name in _RANDOM or all(self.tracing.values[number].constant for number in read)
        if name in _LOOKS and not constant:
            self.looked(name, read)
        before = {id(tensor): self.known(tensor) for tensor in written}
        outputs = tuple(self.new(tensor, constant) for tensor in _tensors(out))
        call = Call(name, tuple(args), options, outputs, self._calls.path, self._calls.call, macs)
        self.tracing.calls.append(call)
        for tensor in written:
            self._write_through(tensor, before[id(tensor)], constant)

    def looked(self, name: str, read: list[int]) -> None:
        """Keep that Python code got to see data that depends on the input."""
        self.tracing.looked_at += [number for number in read if not self.tracing.values[number].constant]
        place = repr(self._calls.path) if self._calls.path else "the network itself"
        self.tracing.reason = self.tracing.reason or f"{name.strip('_')} in {place}"

    def _write_through(self, tensor: Tensor, old: int, constant: bool) -> None:
        """Give the other views of memory that was written in place a value that depends on what was written."""
        new = self.known(tensor)
        for other in self._storages.get(_storage(tensor), set()) - {id(tensor)}:
            before = self._numbers[other]
            if before == old:  # another name of the same tensor
                self._numbers[other] = new
                continue
            both = constant and self.tracing.values[before].constant
            number = self.new(self._alive[other], both)
            module, call = self._calls.path, self._calls.call
            self.tracing.calls.append(
                Call("lacuna_overlay", (Ref(before), Ref(new)), {}, (number,), module, call, 0)
            )

    def known(self, tensor: Tensor) -> int:
        """Return the tensor's number; one never seen is a weight or another constant."""
        found = self._numbers.get(id(tensor))
        return self.new(tensor, constant=True) if found is None else found

    def depends(self, tensor: Tensor) -> bool:
        """Whether the tensor depends on the network's input."""
        return not self.tracing.values[self.known(tensor)].constant

    def new(self, tensor: Tensor, constant: bool) -> int:
        """Give the tensor a new number, because it is new or was written."""
        number = len(self.tracing.values)
        self.tracing.values.append(Value(tuple(int(n) for n in tensor.shape), constant))
        self._numbers[id(tensor)] = number
        self._alive[id(tensor)] = tensor
        self._storages.setdefault(_storage(tensor), set()).add(id(tensor))
        return number

    def module_left(self, path: str, call: int, output: Any) -> None:
        """Keep which tensors a module's call put out."""
        numbers = [self._numbers[id(t)] for t in _tensors(output) if id(t) in self._numbers]
        self.tracing.module_outputs[path, call] = numbers


class _WholeFunctions(TorchFunctionMode):
    """Notes a recurrent cell as one operation, with the MACs of its parts."""

    def __init__(self, noter: _Noter) -> None:
        super().__init__()
        self._noter = noter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        noter = self._noter
        if name in _EXPORTS and noter.depends(args[0]):
            noter.looked(name, [noter.known(args[0])])
        if name not in _WHOLE or noter.hidden_macs is not None:
            return func(*args, **kwargs)
        noter.hidden_macs = 0
        try:
            with _plain_kernels():
                out = func(*args, **kwargs)
            macs = noter.hidden_macs
        finally:
            noter.hidden_macs = None
        noter.note(name, args, kwargs, out, macs, [])
        return out


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(tree: Any) -> Iterable[Tensor]:
    """Return the tensors of any nest of tuples, lists and dicts, data classes' fields too."""
    leaves = tree_flatten(tree)[0]
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            yield leaf
        elif hasattr(leaf, "__dataclass_fields__"):
            yield from _tensors(list(vars(leaf).values()))
