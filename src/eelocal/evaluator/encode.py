"""Values as the JSON that the service answers with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.dates import Date, DateRange
from eelocal.evaluator.geometry import Geometry
from eelocal.evaluator.grid import Projection
from eelocal.evaluator.image import Array, Collection, Feature, Image
from eelocal.evaluator.pixeltype import PixelType
from eelocal.evaluator.resampling import describe


def encode(value: Any) -> Any:
    """Return a value as JSON.

    Raises:
        EEError: for what has no JSON form, such as a function.
    """
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(name): encode(item) for name, item in value.items()}
    if isinstance(value, Array):
        return encode(value.values.tolist())
    if isinstance(value, Image):
        return image_json(value)
    if isinstance(value, Feature):
        return feature_json(value)
    if isinstance(value, Collection):
        return collection_json(value)
    if isinstance(value, Date):
        return {"type": "Date", "value": value.millis}
    if isinstance(value, DateRange):
        return {"type": "DateRange", "dates": [value.start.millis, value.end.millis]}
    if isinstance(value, Geometry | Projection | PixelType):
        return value.to_json()
    raise bad_request(f"A value of type '{type(value).__name__}' cannot be returned.")


def image_json(image: Image) -> dict[str, Any]:
    """Return the service's description of an image."""
    out: dict[str, Any] = {"type": "Image", "bands": []}
    for band in image.bands:
        entry: dict[str, Any] = {"id": band.name, "data_type": band.node.type.to_json()}
        if band.size is not None:
            entry["dimensions"] = list(band.size)
        out["bands"].append(entry | describe(band.node.projection))
    if image.id is not None:
        out["id"] = image.id
    properties = {name: encode(value) for name, value in image.properties.items()}
    if image.id is not None and image.footprint is not None:
        properties.setdefault("system:footprint", _ring(image.footprint))
    if properties:
        out["properties"] = properties
    return out


def _ring(geometry: Geometry) -> dict[str, Any]:
    listed = geometry.to_json()
    if listed["type"] == "Polygon" and listed["coordinates"]:
        return {"type": "LinearRing", "coordinates": listed["coordinates"][0]}
    return listed


def feature_json(feature: Feature) -> dict[str, Any]:
    """Return GeoJSON."""
    geometry = None if feature.geometry is None else feature.geometry.to_json()
    return {"type": "Feature", "geometry": geometry, "properties": encode(feature.properties)}


def collection_json(collection: Collection) -> dict[str, Any]:
    """Return the service's description of a collection, images and all."""
    features = [image_json(image) for image in collection.elements]
    out: dict[str, Any] = {"type": "ImageCollection", "bands": [], "features": features}
    return out if collection.id is None else {**out, "id": collection.id}
