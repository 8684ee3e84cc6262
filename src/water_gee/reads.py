"""What each stage of `dvc repro` reads: configuration, code and data, declared here and nowhere else.

From it follow `dvc.yaml` (`pipeline`), the values that DVC compares (`composed.yaml`, which `water-gee configure`
writes), the settings that a stage gets to see, and the key by which two equal trainings know each other.
"""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "water_gee"
SOURCE = Path(__file__).parent.parent
COMPOSED = "composed.yaml"
FILES = "files"  # there: by stage and key, the hashes of the files that the configuration names

# How work is done, and not what comes out: any stage may read these, and no change of them makes a result stale.
HOW = (
    "paths.root", "run.name", "ckpt", "earth.workers", "earth.attempts", "earth.wait", "earth.deadline",
    "tiles.dry_run", "tiles.refresh", "denoise.show", "trainer.threads", "trainer.log_model", "tags", "cluster.kind",
    "cluster.workers", "cluster.address",
)  # fmt: skip
# Groups and keys that only commands beside the pipeline read: searches, simulated scenes, the ladder of
# `denoise-bench`, the shares of `cost`, the tasks of `deploy`, the points of `sample`, the port of `serve`.
ELSEWHERE = ("search", "simulate", "ladder", "cost", "deploy", "sample", "serve")

_COMPOSITE = (
    "study.crs", "study.scale", "study.areas", "study.years", "study.months", "earth.kind", "earth.catalog",
    "earth.url", "earth.project", "sensor", "dem", "features", "tiles.origin",
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline.

    `keys` are of the configuration, a group's name standing for all of it. `modules` are where its code begins; what
    they import belongs to it too, less the packages of `apart`, whose results do not go into its outs. `data` are files
    and folders below the root, `files` others of the repository. `outs` are what it writes; all of them persist, since
    each stage itself replaces what it finds, and what it leaves when it fails is the last good result.
    """

    command: str
    keys: tuple[str, ...]
    modules: tuple[str, ...]
    data: tuple[str, ...]
    outs: tuple[str, ...]
    files: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


STAGES = {
    "tiles": Stage(
        "water-gee tiles",
        keys=("study.name", *_COMPOSITE, "labels", "tiles.areas", "tiles.size", "tiles.margin"),
        modules=("water_gee.tiles.stage",),
        files=("src/eelocal",),
        data=("data/raw",),
        outs=("data/tiles",),
    ),
    "denoise": Stage(
        "water-gee denoise",
        keys=("study.name", "denoise", "seed"),
        modules=("water_gee.denoise.stage",),
        data=("data/tiles",),
        outs=("data/clean",),
    ),
    "train": Stage(
        "python train.py run.name=repro ckpt=last",
        keys=("study.name", "features", "model", "data", "trainer", "prune", "distil", "seed"),
        modules=("water_gee.training.run", "water_gee.experiments.job"),
        files=("train.py",),
        data=("data/tiles", "data/clean"),
        outs=("runs/repro",),
        apart=("water_gee.denoise.panels", "water_gee.evaluation", "water_gee.report"),
    ),
    "select": Stage(
        "water-gee select",
        keys=("study.name", "select"),
        modules=("water_gee.experiments.select",),
        data=("runs/repro",),
        outs=("models",),
    ),
    "export": Stage(
        "water-gee export",
        keys=("study.name", *_COMPOSITE, "tiles.margin", "predict.area", "export"),
        modules=("water_gee.export.stage",),
        files=("src/eelocal",),
        data=("data/raw", "data/tiles", "models"),
        outs=("export",),
    ),
    "predict": Stage(
        "water-gee predict",
        keys=("study.name", *_COMPOSITE, "labels", "tiles.size", "predict"),
        modules=("water_gee.maps.stage", "water_gee.export.loading", "water_gee.models"),
        files=("src/eelocal",),
        data=("data/raw", "data/tiles", "models", "export"),
        outs=("maps",),
    ),
    "bodies": Stage(
        "water-gee bodies",
        keys=("study.name", "bodies"),
        modules=("water_gee.bodies.stage",),
        data=("data/raw", "maps"),
        outs=("bodies",),
    ),
    "evaluate": Stage(
        "water-gee evaluate",
        keys=(
            "study.name", "study.crs", "study.scale", "study.years", "study.months", "study.references", "earth.kind",
            "earth.catalog", "sensor.name", "features", "denoise.method", "evaluate", "seed",
        ),
        modules=("water_gee.report.stage", "water_gee.export.deployment"),
        data=("data/raw", "data/tiles", "data/clean", "models", "export", "maps", "bodies"),
        outs=("reports/index.html", "reports/details.json", "reports/figures", "reports/plots"),
        metrics=("reports/metrics.json",),
    ),
    "catalogue": Stage(
        "water-gee catalogue",
        keys=("study.name", "catalogue"),
        modules=("water_gee.catalogue.stage",),
        data=("data/tiles", "data/clean", "models", "export", "maps", "bodies"),
        outs=("catalogue",),
    ),
}  # fmt: skip


def all_keys() -> tuple[str, ...]:
    """Return every key that a stage reads, once, in the order of the stages."""
    return tuple(dict.fromkeys(key for stage in STAGES.values() for key in stage.keys))


@cache
def code_of(name: str) -> tuple[Path, ...]:
    """Return the source files of this package that a stage runs, by what its modules import, wherever in them."""
    stage = STAGES[name]
    found: set[Path] = set()
    todo = [path for module in stage.modules if (path := _source(module))]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        for module in _imports(path) | _found_by(path):
            if not any(module == one or module.startswith(f"{one}.") for one in stage.apart):
                todo += [source for source in _with_parents(module) if source not in found]
    return tuple(sorted(found))


def rooms_of(name: str) -> tuple[str, ...]:
    """Return the rooms and single modules of a stage's code, as paths from the repository."""
    package = SOURCE / PACKAGE
    tops = {path.relative_to(package).parts[0] for path in code_of(name)}
    return tuple(f"src/{PACKAGE}/{top}" for top in sorted(tops) if top != "__init__.py")


def _imports(path: Path) -> set[str]:
    """Return the modules of this package that a file imports, within functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] == PACKAGE}


def _found_by(path: Path) -> set[str]:
    """Return the modules beside the `__init__` of a package that looks for them in its own folder, `__path__`."""
    if path.name != "__init__.py":
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not any(isinstance(node, ast.Name) and node.id == "__path__" for node in ast.walk(tree)):
        return set()
    package = ".".join(path.parent.relative_to(SOURCE).parts)
    return {f"{package}.{one.stem}" for one in path.parent.glob("*.py") if one != path}


def _with_parents(module: str) -> list[Path]:
    """Return the sources of a module and of the packages around it; of a name that is no module, of its module."""
    parts = module.split(".")
    sources = (_source(".".join(parts[:length])) for length in range(2, len(parts) + 1))
    return [source for source in sources if source]


def _source(module: str) -> Path | None:
    base = SOURCE.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None
