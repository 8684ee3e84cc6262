"""Where everything lies below `paths.root`, as the contract names it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The folders and files of one root; nothing is written anywhere else."""

    root: Path

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
    def reports(self) -> Path:
        """Metrics, figures and the page."""
        return self.root / "reports"

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
    def searches(self) -> Path:
        """The trials of every search, as Optuna keeps them."""
        return self.root / "search.db"

    @property
    def artifacts(self) -> Path:
        """The MLflow artifacts."""
        return self.root / "mlartifacts"
