"""Earth Engine: the session; composite, features, labels and evidence as expressions; download; export tasks."""

from water_gee.earth.areas import drawn, resolve_areas, scene_versions
from water_gee.earth.assets import asset_kind, assets_in, make_collection
from water_gee.earth.composite import composite, feature_image, preview, within
from water_gee.earth.failures import AccountError
from water_gee.earth.features import ELEVATION_SCALE, FEATURES, SLOPE_SCALE
from water_gee.earth.fetch import PIXEL_LIMIT, Prepared, expression_hash, fetch, fits, request_bytes
from water_gee.earth.formulas import derive, line_enhancement, normalised_difference
from water_gee.earth.history import history_versions
from water_gee.earth.labels import label_image, looks_image
from water_gee.earth.lattice import scenes_origin
from water_gee.earth.looks import sun_hours
from water_gee.earth.parallel import in_parallel
from water_gee.earth.possible import foreign, impossible, possible_ranges
from water_gee.earth.quota import Answers, Quota, answers, quota
from water_gee.earth.retry import Retry
from water_gee.earth.session import Session, connect
from water_gee.earth.spec import CompositeSpec, LabelSpec, composite_spec, label_spec
from water_gee.earth.tasks import (
    CANCELLED,
    FAILED,
    SUCCEEDED,
    Destination,
    Export,
    QueueFullError,
    Task,
    cancel,
    export_request,
    start,
    task,
    tasks,
)

__all__ = [
    "CANCELLED",
    "ELEVATION_SCALE",
    "FAILED",
    "FEATURES",
    "PIXEL_LIMIT",
    "SLOPE_SCALE",
    "SUCCEEDED",
    "AccountError",
    "Answers",
    "CompositeSpec",
    "Destination",
    "Export",
    "LabelSpec",
    "Prepared",
    "QueueFullError",
    "Quota",
    "Retry",
    "Session",
    "Task",
    "answers",
    "asset_kind",
    "assets_in",
    "cancel",
    "composite",
    "composite_spec",
    "connect",
    "derive",
    "drawn",
    "export_request",
    "expression_hash",
    "feature_image",
    "fetch",
    "fits",
    "foreign",
    "history_versions",
    "impossible",
    "in_parallel",
    "label_image",
    "label_spec",
    "line_enhancement",
    "looks_image",
    "make_collection",
    "normalised_difference",
    "possible_ranges",
    "preview",
    "quota",
    "request_bytes",
    "resolve_areas",
    "scene_versions",
    "scenes_origin",
    "start",
    "sun_hours",
    "task",
    "tasks",
    "within",
]
