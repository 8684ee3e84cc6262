"""Where everything lies below `paths.root`, as the contract names it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from water_gee.config.settings import Settings


TRACKING = "MLFLOW_TRACKING_URI"  # the variable by which MLflow finds a team's server


def team_server() -> str:
    """Return the address of the MLflow that a team shares; empty where runs are kept below the root."""
    return os.environ.get(TRACKING, "").strip()


@dataclass(frozen=True)
class Layout:
    """The folders and files of one root, as one study uses them; nothing is written anywhere else.

    What is written there says which study it belongs to, and is read by that study alone.
    """

    root: Path
    study: str = ""  # empty: whichever study's

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        """Return the layout of the settings' root and study."""
        return cls(Path(settings.paths.root), settings.study.name)

    def absolute(self) -> Self:
        """Return the same layout with its root as processes of another working directory know it."""
        return replace(self, root=self.root.absolute())

    def locate(self, name: str) -> Path:
        """Return where an input named in the configuration lies: below the root, else below the working directory."""
        below = self.root / name  # an absolute name stays itself
        return below if below.exists() or not Path(name).exists() else Path(name).resolve()

    @property
    def raw(self) -> Path:
        """The sample study's scenes, references and boundaries, tracked by `data.dvc`."""
        return self.root / "data" / "raw"

    @property
    def tiles(self) -> Path:
        """Tiles of features and labels, with their manifest `tiles.csv`."""
        return self.root / "data" / "tiles"

    @property
    def clean(self) -> Path:
        """Denoised labels, with `report.json` and `figures/`."""
        return self.root / "data" / "clean"

    @property
    def runs(self) -> Path:
        """One folder a training run."""
        return self.root / "runs"

    @property
    def promoted(self) -> Path:
        """One folder a promoted run: copies that no later run overwrites."""
        return self.root / "promoted"

    @property
    def models(self) -> Path:
        """The selected checkpoint, `model.ckpt`, and what is known of it, `model.json`."""
        return self.root / "models"

    @property
    def export(self) -> Path:
        """The network as an Earth Engine expression, and its proof."""
        return self.root / "export"

    @property
    def maps(self) -> Path:
        """Maps by year and the table of areas."""
        return self.root / "maps"

    @property
    def bodies(self) -> Path:
        """Water bodies as polygons, and their areas by year."""
        return self.root / "bodies"

    @property
    def deploy(self) -> Path:
        """The export tasks of Earth Engine, and what was found out about the account that runs them."""
        return self.root / "deploy"

    @property
    def survey(self) -> Path:
        """The points that are labelled by hand, and the page to label them on."""
        return self.root / "survey"

    @property
    def reports(self) -> Path:
        """Metrics, figures and the page."""
        return self.root / "reports"

    @property
    def catalogue(self) -> Path:
        """The products as a STAC catalogue."""
        return self.root / "catalogue"

    @property
    def logs(self) -> Path:
        """Attempts and times: what may differ between two equal runs."""
        return self.root / "logs"

    @property
    def work(self) -> Path:
        """Half-finished results that a killed run takes up again."""
        return self.root / "work"

    @property
    def database(self) -> Path:
        """The MLflow database."""
        return self.root / "mlflow.db"

    @property
    def tracks(self) -> bool:
        """Whether there is an MLflow to ask for runs: a team's, or the database."""
        return bool(team_server()) or self.database.is_file()

    @property
    def searches(self) -> Path:
        """The trials of every search, as Optuna keeps them."""
        return self.root / "search.db"

    @property
    def artifacts(self) -> Path:
        """The MLflow artifacts."""
        return self.root / "mlartifacts"
