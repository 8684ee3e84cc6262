"""What `to_earth_engine` takes beside a torch module, and the module that it is made into."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from water_gee.errors import ExportError
from water_gee.export import estimators


@dataclass(frozen=True)
class Source:
    """A module, and what is known of its output.

    Attributes:
        module: maps features [n, band, y, x] to scores [n, class, y', x'].
        output: as `to_earth_engine` takes it.
        water_class: the number of the class that is water, None where nothing is known of it.
        raw: whether it reads raw features, whatever they are.
    """

    module: nn.Module
    output: str
    water_class: int | None
    raw: bool = False


def as_module(given: Any, bands: Sequence[str], output: str, water_class: int | str | None) -> Source:
    """Return a torch module for what was given: itself, or an estimator of scikit-learn or an ONNX file as layers.

    Raises:
        ExportError: it cannot be carried over, or `output` or `water_class` does not fit it.
    """
    if estimators.is_estimator(given):
        found = estimators.carried(given, bands)
        return Source(found.module, _meaning(given, found.output, output), found.water_class(water_class), raw=True)
    if _is_onnx(given):
        from water_gee.export.onnx_reader import read_onnx

        given = read_onnx(given, len(bands))
    if water_class is not None and not isinstance(water_class, int):
        raise ExportError(f"water_class={water_class!r}: the classes of a network are numbers, from 0 on")
    return Source(given, output, water_class)


def _is_onnx(given: Any) -> bool:
    return isinstance(given, str | bytes | Path) or type(given).__name__ == "ModelProto"


def _meaning(estimator: Any, known: str, asked: str) -> str:
    name = type(estimator).__name__
    if known == "number":
        if asked == "auto":
            raise ExportError(
                f"{name} predicts a number; give output='probability' where it was fitted on the share of water, or "
                "'logits' where on log-odds"
            )
        return asked
    if asked not in ("auto", known):
        raise ExportError(f"{name} gives {'a probability' if known == 'probability' else 'logits'}; leave output out")
    return known
