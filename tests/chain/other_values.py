"""What a stage reads only at times, and other values that each key of `conf/` accepts."""

from typing import Any

# What a stage reads only where another choice makes it do so, and declares all the same.
_NAMED = {"sensor.name"}  # in messages
_UNUSED = {"sensor.cloudiness"}  # by the median
CONDITIONAL = {
    "tiles": _NAMED | _UNUSED,
    "predict": _NAMED | _UNUSED | {"sensor.sun", "labels"},  # where stored tiles are compared with today's
    "export": _NAMED | _UNUSED | {"sensor.sun"},
    "train": {"prune", "distil"},  # experiments.start reads them, before the training itself
    "evaluate": {"features.names", "denoise.method"},
}  # fmt: skip
# Other values that the configuration accepts, where that is not any number or text.
_STRIPS = {"train": {"strips": [[131, 24]]}, "test": {"strips": [[135, 23]]}, "map": {"strips": [[131, 24]]}}
OTHER: dict[str, Any] = {
    "study.crs": "EPSG:32649", "study.areas": _STRIPS, "study.years": [2020], "study.months": [7, 8],
    "study.references": {"other": "*.tif"}, "earth.kind": "cloud", "sensor.collections": ["LANDSAT/LC09/C02/T1_L2"],
    "sensor.bands": {"green": "SR_B3"}, "sensor.valid": [1, 60000], "sensor.cloud_bits": [3], "sensor.reducer": "mean",
    "features.names": ["blue", "nir"], "labels.bit": "cfmask", "labels.sources": ["mndwi"], "labels.beside": ["slope"],
    "tiles.areas": ["train"], "tiles.origin": [15, 15], "denoise.method": "v1",
    "denoise.gate": "warn", "denoise.show": ["train/other"], "denoise.mixture": 0.5, "denoise.bit_mixture": 0.5,
    "denoise.areas": ["train"], "model.name": "mlp", "model.widths": [4, 4, 8, 8], "data.name": "crops",
    "data.validation": 0.5, "trainer.accelerator": "cpu", "trainer.precision": "32", "export.form": "kernel",
    "prune.from": "repro", "distil.from": "repro", "cost.shares": [0.4], "predict.engine": "local",
    "predict.runtime": "onnx", "predict.area": "train", "predict.tile_size": 64, "evaluate.area": "train",
    "catalogue.license": "CC-BY-4.0", "catalogue.keywords": ["water"],
    "catalogue.providers": [{"name": "An agency", "roles": ["host"]}],
    "sample.allocation": "equal", "sample.doubt": 0.5,
    "sample.year": 2019,
    "search.method": "optuna", "deploy.to": "drive", "deploy.folder": "projects/mine/assets/maps",
    "deploy.bucket": None, "deploy.prefix": None, "deploy.queue": 10,
    "ladder.studies": ["sample"], "ladder.methods": ["none"], "ladder.kinds": ["flips"], "ladder.rates": [10],
    "ladder.seeds": [0], "ladder.areas": ["train"], "ladder.training": {"rates": [], "seeds": [0], "epochs": 1},
    "simulate.size": 512, "simulate.water_share": 0.1, "simulate.cloud_share": 0.1,
}  # fmt: skip
