"""From `conf/`, `params.yaml` and the command line to one configuration."""

import difflib
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)
from yaml import YAMLError

from water_gee.config.literal import quoted
from water_gee.config.target import remember_folders
from water_gee.config.yaml_file import check_files, first_line, read_mapping
from water_gee.errors import ConfigError

# What params.yaml chooses: a file of each group that `dvc repro` uses, the seed, and the selected run.
CHOICES = (
    "study", "earth", "sensor", "dem", "features", "labels", "tiles", "denoise", "model", "data", "trainer", "cluster",
    "export", "predict", "bodies", "evaluate", "catalogue", "seed",
    "run",
)  # fmt: skip
SCENES = "WATER_GEE_SCENES"  # the environment variable that names the folder of real scenes
_WITHOUT_VALUE = (MissingMandatoryValue, InterpolationResolutionError, UnsupportedInterpolationType)
_OVERRIDDEN_STUDY = ("override /study", "override study")  # how the file of an experiment names it
_LAUNCHERS = {"joblib": "pip install '.[joblib]'", "submitit_slurm": "pip install hydra-submitit-launcher"}


@cache
def repository() -> Path:
    """Return the project's folder: the working directory or one above it that holds `conf/`, else the source's.

    Raises:
        ConfigError: no such folder is found.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / "conf" / "config.yaml").is_file() and (folder / "params.yaml").is_file():
            return folder
    raise ConfigError("conf/config.yaml and params.yaml are not found; run the command inside the Water_gee folder")


@cache
def params() -> dict[str, Any]:
    """Return the choices of `params.yaml`, which `dvc repro` and Hydra's defaults both follow.

    Raises:
        ConfigError: the file is not YAML, or lacks a choice.
    """
    path = repository() / "params.yaml"
    content = read_mapping(path)
    lacking = [key for key in CHOICES if key not in content]
    if lacking:
        raise ConfigError(f"{path} does not name {', '.join(lacking)}; add a line for each, as in {lacking[0]}:")
    for key in CHOICES:
        value = content[key]
        if key != "seed" and not (isinstance(value, str) or (key in ("run", "tiles") and value is None)):
            raise ConfigError(f"{path}: {key} is {value!r:.80} where a name is wanted; put a number in quotes")
    return dict(content)


def register() -> None:
    """Make `${params:KEY}`, `${repository:}` and the others that `conf/` uses known to OmegaConf."""
    OmegaConf.register_new_resolver("params", lambda key: params()[key], replace=True)
    OmegaConf.register_new_resolver("repository", lambda: str(repository()), replace=True)
    OmegaConf.register_new_resolver("scenes", _scenes, replace=True)
    OmegaConf.register_new_resolver("bands", lambda *, _root_: len(_root_.features.names), replace=True)
    OmegaConf.register_new_resolver("tiles_for", _tiles_for, replace=True)


def with_study(overrides: Sequence[str], config_dir: str | None = None) -> list[str]:
    """Return the overrides with the study named first, where they name none: the experiment's, else `params.yaml`'s.

    Hydra resolves `tiles: ${tiles_for:${study}}` only where the study is named by an override.
    """
    if any(override.startswith("study=") for override in overrides):
        return list(overrides)
    return [f"study={_study_of_experiment(overrides, config_dir) or params()['study']}", *overrides]


def _study_of_experiment(overrides: Sequence[str], config_dir: str | None) -> str:
    """Return the study that the file of `experiment=NAME` overrides; empty where there is none."""
    name = next((one.partition("=")[2] for one in overrides if one.startswith(("experiment=", "+experiment="))), "")
    folders = [*([Path(config_dir)] if config_dir else []), repository() / "conf"]
    files = [folder / "experiment" / f"{name.split(',')[0]}.yaml" for folder in folders]
    path = next((one for one in files if name and one.is_file()), None)
    chosen = (read_mapping(path).get("defaults") or []) if path else []
    studies = [one[key] for one in chosen if isinstance(one, dict) for key in one if key in _OVERRIDDEN_STUDY]
    return str(studies[0]) if studies else ""


def _tiles_for(study: str) -> str:
    """Return what `params.yaml` names, else `conf/tiles/<study>.yaml` where there is one, else the default."""
    if chosen := params()["tiles"]:
        return str(chosen)
    return study if (repository() / "conf" / "tiles" / f"{study}.yaml").is_file() else "default"


def _scenes(below: str) -> str:
    """Return a path below the folder that `WATER_GEE_SCENES` names."""
    folder = scenes_folder()
    if not folder:
        raise ConfigError(f"study=hls_chips needs the folder of real scenes; set the environment variable {SCENES}")
    return f"{folder}/{below}"


def scenes_folder() -> str:
    """Return the folder of real scenes that the environment names; empty where it names none."""
    folder = os.environ.get(SCENES)
    return str(Path(folder).resolve()) if folder else ""


def compose(overrides: Sequence[str] = (), config_dir: str | None = None) -> DictConfig:
    """Compose `conf/config.yaml` with the overrides; `config_dir` adds a user's own groups.

    Raises:
        ConfigError: an unknown group, option or key, or a file that is no YAML, in one line.
    """
    extra = []
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise ConfigError(f"--config-dir {config_dir} is not a folder")
        extra = [_searchpath(Path(config_dir))]
    conf = repository() / "conf"
    GlobalHydra.instance().clear()
    folders = [conf, *([Path(config_dir)] if config_dir else [])]
    remember_folders(folders)
    try:
        with initialize_config_dir(config_dir=str(conf), version_base="1.3"):
            composed = hydra_compose("config", overrides=[*extra, *with_study(overrides, config_dir)])
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error, conf, config_dir, overrides)) from error
    except (YAMLError, ValueError, OSError, RecursionError) as error:  # of a broken file, which Hydra passes on
        check_files([conf], [""])
        check_files(folders, _groups(conf))
        if not _raised_by(error, "hydra", "omegaconf"):
            raise
        raise ConfigError(first_line(error)) from error
    check_files(folders, _hollow(composed, _groups(conf)))
    return composed


def _searchpath(folder: Path) -> str:
    return f"hydra.searchpath=[{quoted(f'file://{folder.resolve()}')}]"


def _groups(conf: Path) -> list[str]:
    return sorted(path.name for path in conf.iterdir() if path.is_dir())


def _hollow(composed: DictConfig, groups: Sequence[str]) -> list[str]:
    """Return the groups of whose option's file nothing came: it is empty, a list or a bare word."""
    content = OmegaConf.to_container(composed, resolve=False)
    nodes = {group: content.get(group) for group in groups} if isinstance(content, dict) else {}
    return [group for group, node in nodes.items() if not _holds_values(node)]


def _holds_values(node: Any) -> bool:
    return isinstance(node, dict) and any(value is not None for value in node.values())


def _raised_by(error: BaseException, *packages: str) -> bool:
    """Return whether it is code of these packages that raised an error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in packages


def explain(error: Exception, conf: Path, config_dir: str | None = None, overrides: Sequence[str] = ()) -> str:
    """Say in one line what Hydra found wrong and how to mend it."""
    if own := root_config_error(error):
        return str(own)
    if isinstance(error, _WITHOUT_VALUE):
        return without_value(error)
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read; put a value with spaces or signs in quotes, as 'key=\"a value\"'"
    text, folders = str(error), [conf, *([Path(config_dir)] if config_dir else [])]
    if missing := re.search(r"Could not find '([^']+?)/([^'/]+)'", text):
        group, option = missing.groups()
        if group == "hydra/launcher" and option in _LAUNCHERS:
            return f"{group}={option} is an extra that is not installed; {_LAUNCHERS[option]}"
        for path in (folder / group / f"{option}.yaml" for folder in folders):
            if path.is_symlink() or path.exists():
                return f"{group}={option}: {path} is not a file that can be read; mend it"
        known = sorted(path.stem for folder in folders for path in (folder / group).glob("*.yaml") if path.is_file())
        close = difflib.get_close_matches(option, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(known)}"
        return f"{group}={option}: there is no conf/{group}/{option}.yaml; {hint}"
    if unknown := re.search(r"[Kk]ey '([^']+)' is not in struct\s*(?:full_key: (\S+))?", text):
        return _unknown_key(unknown.group(2) or unknown.group(1), folders, overrides)
    first = first_line(error)
    if not first:  # of an interpolation that ends too early
        check_files(folders, _groups(conf))
    if wanted := re.search(r"Could not override '([^']+)'", first):
        return _unknown_key(wanted.group(1), folders, overrides)
    return f"{first}; see --cfg job for all keys"


def without_value(error: OmegaConfBaseException) -> str:
    """Say in one line which key has no value, since `???` or an interpolation stands there, and what to do."""
    key, told = str(error.full_key or error.key or ""), first_line(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{key}: this key has no value yet (???); give it one, as in {key}=VALUE"
    return f"{key}: {told}; correct the ${{...}} that stands there, or give a value, as in {key}=VALUE"


def root_config_error(error: BaseException) -> ConfigError | None:
    """Return the ConfigError behind an error that OmegaConf or Hydra wrapped, if there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConfigError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _unknown_key(key: str, folders: Sequence[Path], overrides: Sequence[str]) -> str:
    """Say that `key` does not exist, with the nearest key that does in the options that `overrides` choose."""
    *parents, last = key.split(".")
    named = [(one, Path(one.partition("=")[0], f"{one.partition('=')[2]}.yaml")) for one in overrides]
    chosen = [one for one, file in named if any((folder / file).is_file() for folder in folders)]
    extra = [_searchpath(folder) for folder in folders[1:]]
    with initialize_config_dir(config_dir=str(folders[0]), version_base="1.3"):
        node: Any = hydra_compose("config", overrides=[*extra, *with_study(chosen)])
    for parent in parents:
        node = node.get(parent) if isinstance(node, DictConfig) else None
    if node is not None and last in node:
        return f"{key} has no such key of its own; to add one write +{key}={{...}}"
    close = difflib.get_close_matches(last, [str(known) for known in node], n=1) if node is not None else []
    known = f"known keys: {', '.join(map(str, node))}" if parents and node else "see --cfg job for all keys"
    hint = f"did you mean {'.'.join([*parents, close[0]])}?" if close else known
    return f"{key}: there is no such key; {hint}"


register()  # on import: a launcher's other processes compose before any of our functions runs
