"""Networks of the user's own: a class found by its name, built, measured and brought to the pair of logits."""

import difflib
import importlib
import inspect
import pickle
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from water_gee.config.target import TARGET, is_installed, search_here
from water_gee.errors import ModelError
from water_gee.models.measure import Measure, measured, probe

_BANDS = ("bands", "in_channels")  # arguments that get the number of feature bands


@dataclass(frozen=True)
class Own:
    """A class of the user's, as a configuration or a checkpoint names it, and what it is called with."""

    target: str  # module and class
    arguments: Mapping[str, Any] = field(default_factory=dict)  # plain types only
    water_class: int | None = None  # which output means water; without it the second of two, or the only one

    @property
    def text(self) -> str:
        """The arguments as a table shows them."""
        return " ".join(f"{key}={value}" for key, value in self.arguments.items())


class OwnBody(nn.Module):
    """A user's network, its outputs brought to the logits of land and water, which all else here works with.

    Of one output, the log-odds of water, land's logit is 0. Of several, land's is the log of the sum of the others'
    exponentials: the softmax of the pair then gives water what the softmax of all gives it.
    """

    divisible = False  # its layers may keep statistics of a batch, or draw chance

    def __init__(self, own: Own, network: nn.Module, measure: Measure) -> None:
        super().__init__()
        self.own = own
        self.network = network
        self.radius = measure.radius
        self.classes = measure.classes
        self.all_used = measure.all_used
        water = own.water_class
        self.water = 1 if water is None else water

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, band, y, x] to logits [n, 2, y - 2 radius, x - 2 radius]."""
        logits: Tensor = self.network(x)
        if self.classes == 1:
            return torch.cat([torch.zeros_like(logits), logits], dim=1)
        if (self.classes, self.water) == (2, 1):
            return logits
        water = logits[:, self.water : self.water + 1]
        others = [part for part in (logits[:, : self.water], logits[:, self.water + 1 :]) if part.shape[1]]
        land = torch.cat(others, dim=1) if len(others) > 1 else others[0]
        if self.classes > 2:
            land = torch.logsumexp(land, dim=1, keepdim=True)
        return torch.cat([land, water], dim=1)


def build_own(own: Own, bands: int) -> OwnBody:
    """Return a new network of a user's class for so many bands.

    The class gets its arguments and, where it has an argument `bands` or `in_channels`, the number of bands.

    Raises:
        ModelError: the class is not there, cannot be built or run, or does not answer for each pixel from a square
            window around it, without padding.
    """
    kind = _class(own.target)
    network = _built(kind, own, bands)
    try:
        found = measured(network, bands)
    except ModelError as error:
        raise ModelError(f"model.{TARGET}={own.target}: {error}") from error
    except Exception as error:  # of the user's code, which may raise anything
        hint = " (it takes neither bands nor in_channels; give ${bands:} to its argument for them)"
        told = f"model.{TARGET}={own.target} fails on {bands} bands{'' if _bands_argument(kind, own) else hint}"
        raise ModelError(f"{told}: {_told(error)}") from error
    _check_class(own, found.classes)
    return OwnBody(own, network, found)


def answers(body: OwnBody, bands: int) -> Tensor:
    """Return what a network answers to one fixed input [1, band, y, x]: by it a checkpoint knows its code again."""
    training = body.training
    try:
        with torch.no_grad():
            found: Tensor = body.eval()(probe(bands, 2 * body.radius + 7)).clone()
            return found
    finally:
        body.train(training)


def check_answers(body: OwnBody, bands: int, known: Tensor) -> None:
    """Check that a network, its weights loaded, computes what it did when they were saved.

    Raises:
        ModelError: it does not; its code was changed since.
    """
    try:
        found = answers(body, bands)
    except Exception as error:
        raise _changed(body.own) from error
    if found.shape != known.shape or not torch.allclose(found, known, rtol=1e-3, atol=1e-3, equal_nan=True):
        raise _changed(body.own)


def load_weights(body: OwnBody, state: Mapping[str, Tensor]) -> None:
    """Load what a checkpoint holds of a network.

    Raises:
        ModelError: it is of other layers; the code was changed since.
    """
    try:
        body.load_state_dict(state)
    except RuntimeError as error:
        raise _changed(body.own) from error


def check_sendable(body: nn.Module) -> None:
    """Check that a trained network can be handed from one process to another.

    Raises:
        ModelError: it holds what cannot, as a lambda.
    """
    if not isinstance(body, OwnBody):
        return
    try:
        pickle.dumps(body)
    except Exception as error:  # pickle's own, and whatever the user's objects raise
        raise ModelError(
            f"model.{TARGET}={body.own.target} cannot be handed between processes ({error}); keep no lambda or open "
            "file in it, or leave trainer.devices at 1"
        ) from error


def _class(target: str) -> type[nn.Module]:
    search_here()
    module, _, name = target.rpartition(".")
    try:
        content = importlib.import_module(module)
    except Exception as error:  # a module of the user's may raise anything
        top = module.partition(".")[0]
        lost = isinstance(error, ModuleNotFoundError) and error.name == top
        advice = (
            f"; put the folder that holds {top} on PYTHONPATH, or move it into the project's folder" if lost else ""
        )
        raise ModelError(f"model.{TARGET}: {module} cannot be imported: {_told(error)}{advice}") from error
    found = getattr(content, name, None)
    if found is None:
        kinds = [one for one, value in vars(content).items() if inspect.isclass(value) and issubclass(value, nn.Module)]
        close = difflib.get_close_matches(name, kinds, n=1)
        hint = f"did you mean {close[0]}?" if close else f"its networks: {', '.join(kinds) or 'none'}"
        raise ModelError(f"model.{TARGET}: {content.__file__} has no {name}; {hint}")
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise ModelError(f"model.{TARGET}: {target} is no class of torch.nn.Module, which a network has to be")
    return found


def _built(kind: type[nn.Module], own: Own, bands: int) -> nn.Module:
    taken = inspect.signature(kind).parameters
    names = [name for name, one in taken.items() if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)]
    anything = any(one.kind is one.VAR_KEYWORD for one in taken.values())
    arguments = dict(own.arguments)
    if argument := _bands_argument(kind, own):
        if arguments.get(argument, bands) != bands:
            raise ModelError(
                f"model.{argument} is {arguments[argument]} and features.names lists {bands} bands; leave it out"
            )
        arguments[argument] = bands
    for key in arguments:
        if key not in names and not anything:
            close = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(names) or 'none'}"
            raise ModelError(f"model.{key}: {own.target} takes no such argument; {hint}")
    for name in names:
        if name not in arguments and taken[name].default is inspect.Parameter.empty:
            raise ModelError(f"model.{name} is missing: {own.target} cannot be built without it; add it")
    try:
        return kind(**arguments)
    except Exception as error:  # of the user's code
        told = Own(own.target, arguments).text
        raise ModelError(f"model.{TARGET}={own.target} cannot be built with {told}: {_told(error)}") from error


def _bands_argument(kind: type[nn.Module], own: Own) -> str:
    """Return the argument that gets the number of bands; of a class that takes any, the one that is given."""
    taken = inspect.signature(kind).parameters
    return next((name for name in _BANDS if name in taken or name in own.arguments), "")


def _check_class(own: Own, classes: int) -> None:
    """Check that it is clear which output means water."""
    water, told = own.water_class, f"{own.target} has {classes} output{'s' if classes > 1 else ''}"
    if classes == 1 and water is not None:
        raise ModelError(f"model.water_class={water}: {told}, which is the log-odds of water; leave water_class out")
    if classes > 2 and water is None:
        raise ModelError(f"model.water_class is missing: {told}; set it to the one that means water, counted from 0")
    if water is not None and water >= classes:
        raise ModelError(f"model.water_class={water}: {told}, counted from 0; choose one up to {classes - 1}")


def _changed(own: Own) -> ModelError:
    return ModelError(
        f"the code of {own.target} was changed since this network was trained: it is built or computes otherwise now; "
        "put the code back, or train again"
    )


def _told(error: BaseException) -> str:
    """Return what an error of the user's code says, and the last line of that code which it came through."""
    line = next(iter(str(error).strip().splitlines()), "")
    ours = Path(__file__).parent
    frames = [
        f"{frame.filename}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not (frame.filename.startswith("<") or Path(frame.filename).is_relative_to(ours))
        and not is_installed(Path(frame.filename))
    ]
    if isinstance(error, SyntaxError):
        line, frames = error.msg, [f"{error.filename}, line {error.lineno}"]
    place = f" ({frames[-1]})" if frames else ""
    return f"{type(error).__name__}: {line[:200]}{place}"
