"""Assets of the user's own: what lies in a folder, and folders made where there are none."""

from typing import Any

import ee

from water_gee.earth.failures import SERVICE_ERRORS, diagnose
from water_gee.earth.session import Session
from water_gee.earth.tasks import asked, is_absent
from water_gee.errors import EarthError

_LEGACY = "projects/earthengine-legacy/assets/"  # before the names of assets that are below no project
_CONTAINERS = ("FOLDER", "IMAGE_COLLECTION")


def asset_kind(session: Session, asset: str) -> str:
    """Return an asset's type as the REST interface names it (`IMAGE`, `FOLDER`, ...); empty where there is none.

    Raises:
        EarthError: the service refused, or went on failing.
    """

    def ask() -> str:
        try:
            return str(ee.data.getAsset(asset)["type"])
        except SERVICE_ERRORS as error:
            if is_absent(error):
                return ""
            raise

    return asked(session, ask)


def make_collection(session: Session, asset: str) -> None:
    """Make an image collection, and the folders around it, where there are none; a folder in its place will do.

    Args:
        session: the open session.
        asset: `projects/<project>/assets/<folder>/.../<collection>`.

    Raises:
        EarthError: something else lies there, or the service refused.
    """
    parts = asset.split("/")
    for length in range(4, len(parts) + 1):
        here = "/".join(parts[:length])
        kind = asset_kind(session, here)
        if kind in _CONTAINERS:
            continue
        if kind:
            raise EarthError(f"{here} is an asset of type {kind} and can hold no maps; choose another deploy.folder")
        _make(session, here, "IMAGE_COLLECTION" if length == len(parts) else "FOLDER")


def _make(session: Session, asset: str, kind: str) -> None:
    def ask() -> Any:
        try:
            return ee.data.createAsset({"type": kind}, asset)
        except SERVICE_ERRORS as error:
            if _is_there(diagnose(error).message):
                return None  # a request before this one made it, and its answer was lost
            raise

    try:
        asked(session, ask)
    except EarthError as error:
        raise EarthError(
            f"{asset} could not be made: {error}; make it yourself, or choose another deploy.folder"
        ) from None


def _is_there(text: str) -> bool:
    return "cannot overwrite" in text.lower() or "already exists" in text.lower()


def assets_in(session: Session, folder: str) -> set[str]:
    """Return the ids of what lies directly in a folder or collection, all pages of it; none where it does not exist.

    Raises:
        EarthError: the service refused, or went on failing.
    """

    def ask() -> list[dict[str, Any]]:
        try:
            return list(ee.data.listAssets({"parent": folder, "view": "BASIC"})["assets"])
        except SERVICE_ERRORS as error:
            if is_absent(error):
                return []
            raise

    return {str(one["name"]).removeprefix(_LEGACY) for one in asked(session, ask)}
