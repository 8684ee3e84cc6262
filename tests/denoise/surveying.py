"""A method that learns from an area: water is what is darker in the near infrared than the area's middle value."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from water_gee.denoise import CleanLabel, Reason, Survey, agreement, usable
from water_gee.denoise.labels import assemble
from water_gee.denoise.registry import METHODS
from water_gee.errors import TileError
from water_gee.tiles import TileData, TileRecord


@dataclass(frozen=True)
class Middle:
    """Stands in for `v1` where `radius` and `samples` are its only settings."""

    radius: int = 3
    samples: int = 1000
    heavy: ClassVar[bool] = True
    surveys: ClassVar[bool] = True

    def survey(self, tile: TileData, seed: int) -> Survey | None:
        if self.samples == 13:
            raise TileError("thirteen samples are not allowed")
        if tile.record.column == 3:  # a tile of which there is nothing to learn
            return None
        time.sleep(0.3 * (self.samples == 7))
        values = tile.band("nir")[usable(tile, self.radius)]
        chosen = np.random.default_rng(seed).choice(values, min(self.samples, len(values)), replace=False)
        return {"file": chosen, "name": np.array(tile.record.id)}

    def learn(self, surveys: Iterable[tuple[TileRecord, Survey]], seed: int) -> dict[str, object]:
        names = [str(survey["name"]) for record, survey in surveys if survey["name"] == record.id]
        values = np.concatenate([survey["file"] for _, survey in surveys])  # a second round
        return {"tiles": names, "middle": float(np.quantile(values, 0.5)), "seed": seed}

    def __call__(self, tile: TileData, seed: int, learned: dict[str, object] | None = None) -> CleanLabel:
        assert learned is not None
        clean = assemble(
            tile,
            usable(tile, self.radius),
            tile.band("nir") < learned["middle"],
            agreement(tile.share, tile.looks),
            {"learned_from": len(learned["tiles"]), "seed": int(learned["seed"]) % 1000},
        )
        time.sleep(0.3 * (self.samples == 7))
        clean.reason[clean.reason == Reason.FLIPPED] = Reason.LEARNED
        return clean


def install() -> None:
    """Let `denoise.method=v1` be this one."""
    METHODS["v1"] = Middle


def main() -> None:
    """Run the command with it."""
    install()
    from water_gee.cli import main as command

    command()


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does, so that workers find this module too
    from denoise.surveying import main as really

    really()
