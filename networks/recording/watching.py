"""What modules put out during a forward pass, call by call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from torch import nn

from networks.capturing.modules import numbered
from traces import GraphError, did_you_mean


class CallWatch:
    """Collects the outputs of module calls, every call of a module its own: ``control``, ``control#2``.

    Use as a context manager; its hooks go when it ends.
    """

    def __init__(self, model: nn.Module, calls: Iterable[str]) -> None:
        self.wanted = tuple(dict.fromkeys(calls))
        self._outputs: dict[str, list[Any]] = defaultdict(list)
        self._modules = {}
        paths = {path: module for path, module in model.named_modules() if path}
        for call in self.wanted:
            path = call.partition("#")[0]
            if path not in paths:
                raise GraphError(
                    f"gate module {call!r}: the model has no module at this path{did_you_mean(path, paths)}"
                )
            self._modules[path] = paths[path]
        self._hooks = ExitStack()

    def __enter__(self) -> CallWatch:
        for path, module in self._modules.items():
            handle = module.register_forward_hook(self._keeper(path))
            self._hooks.callback(handle.remove)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, place: TracebackType | None
    ) -> None:
        self._hooks.close()

    def clear(self) -> None:
        """Forget what was seen: another forward pass begins."""
        self._outputs.clear()

    def called(self, call: str) -> bool:
        """Whether the module was called so often in this forward pass."""
        path, _, number = call.partition("#")
        return len(self._outputs[path]) >= int(number or 1)

    def output(self, gate: str, call: str) -> Any:
        """Return what the module's call put out.

        Raises
        ------
        GraphError
            It was not called (so often), or it was called again and no name says which call is meant.
        """
        path, _, number = call.partition("#")
        times = len(self._outputs[path])
        if not self.called(call):
            often = "never called" if not times else f"called {times} times, not {number}"
            raise GraphError(
                f"gate {gate!r}: its module {path!r} was {often} in the forward pass, so nothing was decided; call "
                "the gate module itself, not its parts"
            )
        if times > 1 and not any("#" in each for each in self.wanted if each.partition("#")[0] == path):
            names = ", ".join(repr(numbered(path, k)) for k in range(1, min(times, 4) + 1))
            raise GraphError(
                f"gate {gate!r}: its module {path!r} is called {times} times in a forward pass; name a gate for each "
                f"call: {names}{', ...' if times > 4 else ''}"
            )
        return self._outputs[path][int(number or 1) - 1]

    def _keeper(self, path: str) -> Any:
        def keep(module: nn.Module, args: Any, output: Any) -> None:
            self._outputs[path].append(output)

        return keep
