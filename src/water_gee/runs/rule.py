"""Which run is the best: the rule of `promote`, and of `select` without a name, among runs of the same data."""

from dataclasses import dataclass
from pathlib import Path

from water_gee.errors import ModelError
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.runs.current import current_runs
from water_gee.runs.records import RunRecord

RULE = (
    "highest validation IoU to 4 digits of the models that Earth Engine can run; of equal ones the fewest parameters, "
    "then the earliest"
)
DIGITS = 4


@dataclass(frozen=True)
class Candidate:
    """A finished run on the present tiles and labels, whose checkpoint can be deployed."""

    folder: Path
    record: RunRecord
    iou: float  # of validation, at the run's threshold
    parameters: float

    @property
    def rank(self) -> tuple[float, float, float]:
        """What `RULE` sorts by, the best first."""
        return -round(self.iou, DIGITS), self.parameters, self.record.started


def candidates(layout: Layout) -> list[Candidate]:
    """Return the finished runs of the study on the present tiles and labels that can be deployed, the best first.

    Raises:
        ModelError: there is none, or the metrics of one are broken.
        TileError: there are no tiles or labels.
    """
    present = current_runs(layout)
    found = [_candidate(folder, record) for folder, record in present]
    if not found:
        raise ModelError(
            f"there is no finished run of the study {layout.study} on its present tiles and labels; "
            "run first: python train.py"
        )
    return sorted(found, key=lambda one: one.rank)


def _candidate(folder: Path, record: RunRecord) -> Candidate:
    content = read_json(folder / "metrics.json")
    try:
        return Candidate(folder, record, float(content["validation"]["iou"]), float(content["parameters"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder / 'metrics.json'} does not hold a run's metrics; train that run again") from error
