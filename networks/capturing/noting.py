"""Notes every operation that reaches PyTorch's dispatcher, and which tensors it reads and makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.flop_counter import flop_registry

from networks.capturing.calls import Call, KnownTensor, Ref, Tracing, reads
from networks.capturing.modules import ModuleCalls
from traces import GraphError

_FLOP_PER_MAC = 2  # torch.utils.flop_counter counts a multiplication and an addition
# Products that torch does not count, and which argument has an element for every MAC.
_FACTORS = {"mv": 0, "addmv": 1, "dot": 0, "vdot": 0}
# Operations that hand a tensor's data to Python: what leads there is no dead code.
_LOOKS = frozenset({"_local_scalar_dense", "is_nonzero", "nonzero", "equal", "item"})
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
        "fill_",
        "gumbel",
    }
)  # what they put out does not depend on what they read
_IGNORED = frozenset({"device", "sym_size", "sym_numel", "sym_stride", "layout", "dtype"})


class Noter(TorchDispatchMode):
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
        elif name in _FACTORS:
            macs = args[_FACTORS[name]].numel()
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
        read = list(reads(name, args, options))
        constant = name in _RANDOM or all(self.tracing.values[number].constant for number in read)
        if name in _LOOKS and not constant:
            self.looked(name, read)
        before = {id(tensor): self.known(tensor) for tensor in written}
        outputs = tuple(self.new(tensor, constant) for tensor in tensors(out))
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
        self.tracing.values.append(KnownTensor(tuple(int(n) for n in tensor.shape), constant))
        self._numbers[id(tensor)] = number
        self._alive[id(tensor)] = tensor
        self._storages.setdefault(_storage(tensor), set()).add(id(tensor))
        return number

    def tensor(self, number: int) -> Tensor:
        """Return the tensor that has this number still; one written over since has another."""
        for identity, own in self._numbers.items():
            if own == number:
                return self._alive[identity]
        raise GraphError("was written over before it could be read; needs an operation whose result is kept")

    def module_left(self, path: str, call: int, output: Any) -> None:
        """Keep which tensors a module's call put out."""
        numbers = [self._numbers[id(t)] for t in tensors(output) if id(t) in self._numbers]
        self.tracing.module_outputs[path, call] = numbers


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def tensors(tree: Any) -> Iterable[Tensor]:
    """Return the tensors of any nest of tuples, lists and dicts, data classes' fields too."""
    leaves = tree_flatten(tree)[0]
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            yield leaf
        elif hasattr(leaf, "__dataclass_fields__"):
            yield from tensors(list(vars(leaf).values()))
