"""What a command line composes, shown instead of run: `--cfg`, `--resolve`, `--package` and `--info`, as in Hydra."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that compose a configuration, and those that show it."""
    parser.add_argument("overrides", nargs="*", help="Hydra overrides: group=option or key=value")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with groups of your own")
    parser.add_argument(
        "-c", "--cfg", choices=["job", "hydra", "all"], help="print the composed configuration and stop"
    )
    parser.add_argument(
        "--resolve", action="store_true", help="with --cfg hydra|all: put values for ${...}, as job has"
    )
    parser.add_argument("-p", "--package", metavar="KEY", help="with --cfg: only this group or key")
    parser.add_argument(
        "-i", "--info", nargs="?", const="all", choices=_INFO, help="print how the configuration was composed and stop"
    )


def is_asked_to_show(options: argparse.Namespace) -> bool:
    """Return whether a command line wants the configuration shown, and nothing run."""
    return bool(options.cfg or options.info)


def show(options: argparse.Namespace) -> None:
    """Print what the options ask for: the job's values here, everything else by Hydra itself.

    Raises:
        ConfigError: the configuration is wrong, or a value of it cannot be had.
    """
    from water_gee.config.compose import compose

    composed = compose(options.overrides, options.config_dir)
    if options.cfg == "job" and not options.info:
        print(_job(composed, options.package), end="")
    else:
        _by_hydra(options, composed.paths.root)


def _job(composed: "DictConfig", package: str | None) -> str:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from water_gee.config.compose import root_config_error, without_value
    from water_gee.errors import ConfigError

    try:
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=False)
    except OmegaConfBaseException as error:
        raise root_config_error(error) or ConfigError(without_value(error)) from error
    for part in package.split(".") if package else []:
        if not isinstance(plain, dict) or part not in plain:
            raise ConfigError(f"--package {package}: there is no such key; see --cfg job for all keys")
        plain = plain[part]
    return OmegaConf.to_yaml(plain) if isinstance(plain, dict | list) else f"{plain}\n"


def _by_hydra(options: argparse.Namespace, root: str) -> None:
    import hydra

    from water_gee.config.compose import repository, with_study

    wanted = ["--info", options.info] if options.info else ["--cfg", options.cfg]
    folder = ["--config-dir", str(Path(options.config_dir).resolve())] if options.config_dir else []
    # Hydra resolves its own part apart from the job's, which `hydra.sweep.dir` refers to.
    resolve = ["--resolve", f"hydra.sweep.dir='{root}/logs/sweeps'"] if options.resolve and options.cfg else []
    package = ["--package", options.package] if options.package and options.cfg else []
    overrides: Sequence[str] = with_study(options.overrides, options.config_dir)
    sys.argv = [sys.argv[0], *wanted, *package, *folder, *resolve, *overrides]
    hydra.main(config_path=str(repository() / "conf"), config_name="config", version_base="1.3")(lambda _: None)()
