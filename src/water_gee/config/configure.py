"""The `configure` stage: the values that the pipeline's stages read, composed and checked, in one plain file."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import yaml

from water_gee.config.base import Group
from water_gee.config.compose import SCENES, repository, scenes_folder
from water_gee.config.inputs import file_keys, marks, unwatched
from water_gee.config.model import OwnNetworkSettings
from water_gee.config.settings import Settings
from water_gee.config.target import project_files
from water_gee.config.yaml_file import read_mapping
from water_gee.errors import ConfigError
from water_gee.files import write_text
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.reads import COMPOSED, FILES, HOW, STAGES, all_keys

T = TypeVar("T", bound=Group)
ALWAYS = "always_changed"  # DVC's key of a stage that it runs each time
_CONFIGURE = re.compile(r"^  configure:\n(?:    .*\n)+", re.MULTILINE)  # the stage, as `make pipeline` writes it
_HEAD = """\
# Written by `water-gee configure` of conf/ and params.yaml, for DVC to compare: change those, not this.
"""


def run(settings: Settings) -> None:
    """Write `composed.yaml`: the values of the configuration, and hashes of the files that it names.

    Raises:
        ConfigError: DVC would not notice when the code of a network of the user's own is changed, or such a file, and
            `dvc.yaml` is not as `make pipeline` writes it.
    """
    if os.environ.get("DVC_STAGE") == "configure":
        _check_watched(settings)
    files = {name: marks(settings, STAGES[name].keys) for name in stages_with_files()}
    content = yaml.safe_dump(
        {**chosen(settings, all_keys()), FILES: files}, sort_keys=False, allow_unicode=True, width=200
    )
    write_text(Layout.of(settings).root / COMPOSED, _HEAD + content)


def stages_with_files() -> tuple[str, ...]:
    """Return the stages that read files which the configuration names."""
    return tuple(
        name
        for name, stage in STAGES.items()
        if any(one == key or one.startswith(f"{key}.") for one in file_keys() for key in stage.keys)
    )


def looked_for(settings: Settings) -> dict[str, str]:
    """Return the named files, by key, that no dependency of `dvc.yaml` holds: `configure` has to look at them itself.

    `data/raw` and `conf` are such dependencies.
    """
    return unwatched(settings, all_keys(), [repository() / "conf"])


def _check_watched(settings: Settings) -> None:
    path = repository() / "dvc.yaml"
    stage = read_mapping(path, "run: make pipeline").get("stages", {}).get("configure", {})
    own = project_files(settings.model.target) if isinstance(settings.model, OwnNetworkSettings) else []
    if unknown := [one for one in own if one not in stage.get("deps", [])]:
        raise ConfigError(f"{path} does not name {', '.join(unknown)}, of which the model is made; run: make pipeline")
    if (files := looked_for(settings)) and not stage.get(ALWAYS):
        key, name = next(iter(files.items()))
        text, count = _CONFIGURE.subn(rf"\g<0>    {ALWAYS}: true\n", path.read_text(encoding="utf-8"))
        if count != 1:
            raise ConfigError(f"{key}: DVC would not notice that {name} was changed; run: make pipeline")
        write_text(path, text)
        say(f"{key}: DVC does not see {name}; by dvc.yaml, configure looks at it each time from now on")


def chosen(settings: Settings, keys: Iterable[str]) -> dict[str, Any]:
    """Return the values of some keys, nested as in the configuration, less those that say only how to work.

    A group's name stands for all of it. Order and form follow the settings alone, so that equal choices are equal.
    """
    found: dict[str, Any] = {}
    wanted = [key.split(".") for key in keys]
    for group in type(settings).model_fields:
        parts = [key[1:] for key in wanted if key[0] == group]
        if not parts:
            continue
        value = getattr(settings, group)
        if not isinstance(value, Group):
            found[group] = value
            continue
        known = (*type(value).model_fields, *sorted(value.model_extra or ()))
        fields = [one for one in known if not all(parts) or [one] in parts]
        plain = value.model_dump(mode="json", include={one for one in fields if f"{group}.{one}" not in HOW})
        found[group] = _portable(plain)
    return found


def _portable(value: Any) -> Any:
    """Return a plain value with the folder of real scenes by its variable's name: where it lies is no choice."""
    folder = scenes_folder()
    if isinstance(value, dict):
        return {key: _portable(one) for key, one in value.items()}
    if isinstance(value, str) and folder and value.startswith(f"{folder}/"):
        return f"${SCENES}{value.removeprefix(folder)}"
    return value


def narrowed(settings: Settings, name: str) -> Settings:
    """Return the settings as a stage may see them: what it declares that it reads, and how it works.

    Whatever else it asks for is an AttributeError: a stage cannot depend on what DVC does not compare.
    """
    stage = STAGES.get(name)
    if stage is None:
        return settings
    keys = [key.split(".") for key in (*stage.keys, *HOW)]
    kept: dict[str, Any] = {}
    for group in type(settings).model_fields:
        parts = [key[1:] for key in keys if key[0] == group]
        if parts:
            value = getattr(settings, group)
            kept[group] = value if not all(parts) else _only(value, {part[0] for part in parts})
    return _with(settings, kept)


def _only(group: Group, fields: set[str]) -> Group:
    return _with(group, {name: value for name, value in group if name in fields})


def _with(group: T, content: Mapping[str, Any]) -> T:
    """Return a copy of a checked group that has some of its fields alone."""
    copy = group.model_copy()
    own = type(group).model_fields
    object.__setattr__(copy, "__dict__", {name: value for name, value in content.items() if name in own})
    if group.model_extra is not None:
        more = {name: value for name, value in content.items() if name not in own}
        object.__setattr__(copy, "__pydantic_extra__", more)
    return copy


def check_composed(settings: Settings, name: str) -> None:
    """Check that a stage which `dvc repro` runs works by the values that DVC has compared.

    Raises:
        ConfigError: what `configure` composed is absent or broken, or the configuration, or a file that it names, was
            changed since.
    """
    path = Layout.of(settings).root / COMPOSED
    known = read_mapping(path, "run again: dvc repro")
    now = yaml.safe_load(yaml.safe_dump(chosen(settings, STAGES[name].keys)))
    for group, value in now.items():
        if (held := known.get(group)) == value:
            continue
        wrong = [""]
        if isinstance(value, dict) and isinstance(held, dict):
            wrong = [f".{key}" for key, one in value.items() if held.get(key) != one]
        if wrong:
            raise ConfigError(
                f"{path}: {group}{wrong[0]} was changed while dvc repro was running; run again: dvc repro"
            )
    if name in stages_with_files():
        held, files = (known.get(FILES) or {}).get(name) or {}, marks(settings, STAGES[name].keys)
        for key in (one for one in {**files, **held} if files.get(one) != held.get(one)):
            raise ConfigError(f"{key}: its file was changed while dvc repro was running; run again: dvc repro")
