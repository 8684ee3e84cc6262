"""YAML files of keys and values, read strictly: what is wrong with one is said in one line."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from water_gee.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, and leaves dates as text, as OmegaConf does."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping whose keys all differ."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"the key {key.value} stands twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path, advice: str = "mend it") -> dict[str, Any]:
    """Return the keys and values of a YAML file.

    Raises:
        ConfigError: it is no file, not text, not YAML, empty, or no mapping; `advice` says what to do.
    """
    if not path.is_file():
        raise ConfigError(f"{path} is not a file; {advice}")
    try:
        content = yaml.load(path.read_bytes().decode("utf-8-sig"), _Loader)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); {advice}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested without end; {advice}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path} is not valid YAML ({_problem(error)}); {advice}") from error
    if not isinstance(content, dict):
        held = "is empty" if content is None else f"holds {_kinds(content)}"
        raise ConfigError(f"{path} {held} where keys and values are wanted, as name: value; {advice}")
    return content


def check_files(folders: Sequence[Path], groups: Sequence[str]) -> None:
    """Check every option's file of some groups in some folders.

    Raises:
        ConfigError: one of them is not a file of keys and values; says what is wrong with it.
    """
    for path in (path for group in groups for folder in folders for path in sorted((folder / group).glob("*.yaml"))):
        content = read_mapping(path)
        try:
            OmegaConf.create(content)
        except (OmegaConfBaseException, RecursionError, ValueError) as error:
            told = first_line(error) or "an interpolation ${...} in it cannot be read"
            raise ConfigError(f"{path}: {told[:200]}; mend it") from error


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or nothing."""
    return next(iter(str(error).strip().splitlines()), "").rstrip(".")


def _problem(error: Exception) -> str:
    """Return what YAML found wrong, and in which line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem}, line {error.problem_mark.line + 1}"
    # A reader's error tells its stream beside what is wrong.
    return re.sub(r'\s+in "<[^>]*>",?', ",", " ".join(str(error).split()))[:200]


def _kinds(content: Any) -> str:
    return "a list" if isinstance(content, list) else "a single value"


_Loader.yaml_implicit_resolvers = {  # of each first letter, what a plain value may be
    letter: [one for one in known if one[0] != "tag:yaml.org,2002:timestamp"]
    for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
