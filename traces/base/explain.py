"""The one way to say what pydantic found: the first problem as ``path = value: need``, where all others lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from traces.base.errors import did_you_mean, shown

_Models = tuple[type[BaseModel], ...]
_MOST = 450  # characters: with the file's name a message stays below 500
_MORE = "and {} more"


def explain(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """Return the first problem of a failed validation, misspelt names before all, and where the others lie.

    Parameters
    ----------
    error
        What pydantic raised.
    model
        The model that was asked for; it tells which names are known at the place.
    prefix
        Put before the path, e.g. ``"policy."``.
    """
    problems = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    first = _told(problems[0], model, prefix)
    places = dict.fromkeys(
        _place(one, model, prefix) for one in problems[1:]
    )  # a union complains several times
    others = [place for place in places if place and not _is_told(place, first)]
    if not others:
        return first
    short = first.partition(" known: ")[0].removesuffix(";")  # the room is for the others
    told = f"{short}; also wrong: "
    return told + _listed(others, _MOST - len(told))


def _listed(places: Sequence[str], room: int) -> str:
    """Return all places with their values; where they take too much room [characters] as many places as it holds."""
    if len(whole := ", ".join(places)) <= room:
        return whole
    bare = [place.partition(" = ")[0] for place in places]
    ends = list(accumulate(len(place) + 2 for place in bare))
    held = sum(end <= room - len(_MORE) for end in ends)
    more = [_MORE.format(len(bare) - held)] if held < len(bare) else []
    return ", ".join([*bare[:held], *more])


def _place(problem: ErrorDetails, model: type[BaseModel], prefix: str) -> str:
    """Return where a problem lies, with the value that is wrong there."""
    path = prefix + ".".join(_walk(problem["loc"], model)[0])
    if problem["type"] == "missing":
        return f"{path} is missing"
    return path if problem["type"] == "extra_forbidden" or not path else f"{path} = {shown(problem['input'])}"


def _is_told(place: str, first: str) -> bool:
    """Whether the first message says the same: its own place, or a missing name that it takes for the one meant."""
    path, missing, _ = place.partition(" is missing")
    meant = f"did you mean {path.rpartition('.')[2]!r}?"
    return first.startswith((f"{place}:", f"{place} ")) or (bool(missing) and meant in first)


def _told(problem: ErrorDetails, model: type[BaseModel], prefix: str) -> str:
    """Return one problem: where, what, and what is needed."""
    steps, models = _walk(problem["loc"], model)
    path = prefix + ".".join(steps)
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        known = {name for one in models for name in one.model_fields}
        return f"{path}: no such setting{did_you_mean(steps[-1], known)}"
    if kind.startswith("union_tag"):
        return _tag_problem(path, problem.get("ctx", {}))
    if kind == "missing":
        return f"{path}: is missing"
    text = str(problem["msg"]).removeprefix("Value error, ")
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        text = "must be a section: keys, each with its value"
    if not steps:
        return f"{prefix.rstrip('.')}: {text}".removeprefix(": ")
    if kind == "literal_error":
        need = f"unknown{_near(value, problem['ctx']['expected'])}"
    else:
        need = text[0].lower() + text[1:] if text.startswith("Input ") else text
    return f"{path} = {shown(value)}: {need}"


def _tag_problem(path: str, context: dict[str, Any]) -> str:
    """Say that a section that may be of several kinds states none, or one that there is not."""
    path = f"{path}.{_bare(context['discriminator'])}"
    if "tag" not in context:
        return f"{path}: is missing"
    return f"{path} = {shown(context['tag'])}: unknown{_near(context['tag'], context['expected_tags'])}"


def _near(value: object, expected: str) -> str:
    """Return the hint of :func:`did_you_mean` for pydantic's ``"'a', 'b' or 'c'"``."""
    return did_you_mean(str(value), (_bare(word) for word in expected.replace(" or ", ", ").split(", ")))


def _bare(word: str) -> str:
    return word.strip("'")


def _walk(place: tuple[int | str, ...], model: type[BaseModel]) -> tuple[list[str], _Models]:
    """Return the steps of a place as people write them, and the models that hold the last of them.

    Where a section may be one of several kinds, pydantic adds the kind's name as a step; it is left out.
    """
    steps: list[str] = []
    at: _Models = (model,)
    for i, step in enumerate(place):
        tagged = [
            one for one in at if len(at) > 1 and _tag_of(one) == step
        ]  # a setting may be called as a kind
        if tagged:
            at = tuple(tagged)
            continue
        steps.append(str(step))
        inner = tuple(found for one in at for found in _models_in(one, step))
        if inner and i < len(place) - 1:
            at = inner
    return steps, at


def _tag_of(model: type[BaseModel]) -> object:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation)[0] if kind is not None and get_args(kind.annotation) else None


def _models_in(model: type[BaseModel], step: int | str) -> Iterator[type[BaseModel]]:
    """Yield the models that a field may hold, looking through unions, lists and mappings."""
    field = model.model_fields.get(str(step))
    waiting: list[Any] = [field.annotation] if field is not None else []
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
        waiting += get_args(kind)
