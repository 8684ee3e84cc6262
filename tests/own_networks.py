"""Networks of a user's own: the README's residual one, and others that a test writes."""

import importlib
import sys
from pathlib import Path

import yaml

from water_gee.config.target import code_hash

FOLDER = Path(__file__).parent / "own"  # holds the package `mynets`
CONF = FOLDER / "conf"
HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional\n"


def write_network(folder: Path, package: str, body: str, **keys: object) -> Path:
    """Write `package/nets.py` with the class `Net`, and `conf/model/PACKAGE.yaml`; return the folder `conf`."""
    module = folder / package / "nets.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    (module.parent / "__init__.py").touch()
    module.write_text(HEAD + body, encoding="utf-8")
    path = folder / "conf" / "model" / f"{package}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"_target_": f"{package}.nets.Net", "name": package, "lr": 0.01, "weight_decay": 0.0, **keys}
    path.write_text(
        yaml.safe_dump({key: value for key, value in content.items() if value is not None}), encoding="utf-8"
    )
    return folder / "conf"


def forget(package: str) -> None:
    """Let this process find a package anew, as another process would."""
    for name in [one for one in sys.modules if one.partition(".")[0] == package]:
        del sys.modules[name]
    code_hash.cache_clear()
    importlib.invalidate_caches()
