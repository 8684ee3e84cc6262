"""The map library that the build fetched from npm, if it did: `vendor/`, held to the hashes in `vendored.json`."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from water_gee.errors import WaterGeeError
from water_gee.files import read_bytes

_HERE = Path(__file__).parent
VENDOR = _HERE / "vendor"
ADVICE = "run: make vendor (or python tools/vendor.py), then water-gee evaluate"


@dataclass(frozen=True)
class Library:
    """Leaflet: its version, script, style sheet and licence."""

    version: str
    script: str
    style: str
    licence: str


def library(folder: Path = VENDOR) -> Library | None:
    """Return the map library, None where it was never fetched.

    Raises:
        WaterGeeError: a file is not the one that is known.
    """
    known = json.loads((_HERE / "vendored.json").read_text(encoding="utf-8"))["leaflet"]
    if not any((folder / name).exists() for name in known["files"]):
        return None
    texts = {}
    for name, file in known["files"].items():
        content = read_bytes(folder / name, ADVICE)
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            raise WaterGeeError(f"{folder / name} is not the file of Leaflet {known['version']}; {ADVICE}")
        # As a browser reads a page: the policy names an inline text by the hash of what was read.
        texts[name] = content.decode().replace("\r\n", "\n")
    # Without the name of a map of its sources, which a browser would look for beside the page.
    script = re.sub(r"\s*//# sourceMappingURL=\S+\s*$", "\n", texts["leaflet.js"])
    return Library(known["version"], script, texts["leaflet.css"], texts["leaflet.LICENSE"].strip())


def source(text: str) -> str:
    """Return how a Content-Security-Policy names an inline script or style: by the hash of its text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
