"""`export/README.md`: the model card, for whoever is handed the exported network alone."""

from collections.abc import Mapping
from typing import Any

_TEMPLATE = """# Surface water from Landsat: an exported network

A network that gives the probability of water of each 30 m pixel, written in Earth Engine operations. It reads the
bands {features} of a seasonal composite, in this order, and sees {reach} pixels to each side.

## How to use it

With nothing but the Earth Engine client (`ee.Initialize(...)` done):

```python
{usage}
```

`image` must have the bands above, made as in training; `code_editor.js` holds the whole of it, from the catalogue to
the map: paste it into the Code Editor. In Python with this project: `water_gee.load("expression.json")(image)`.
A pixel that lacks a feature is masked; as a neighbour it counts as the training mean. Ask for the map at the
study's own pixels ({crs}, {scale:g}): a network of neighbourhoods gives other results at other scales.

## What it was trained on

{data}

## How accurate it is

{metrics}

Water is where the probability is at least {threshold:g}. Labels come from the imagery's own quality band, denoised;
they are not ground truth.

## Is it what was trained?

{proof}

## What it costs

{calls} calls, {bytes:,} bytes in a request, {macs:,} multiply-adds a pixel; form `{form}`. While a pixel is
computed it holds some {peak_bytes:,} bytes (an estimate), so that an export in tiles of {shard} pixels a side
(`shardSize`) takes {tile_mb:,} MB a tile.

## Licence

The weights carry the licence of the project that trained them. Landsat imagery is in the public domain.
"""

USAGE = """import ee
network = ee.deserializer.fromJSON(open("expression.json").read())
water = ee.Image(network.call(image))"""


def model_card(report: Mapping[str, Any], metadata: Mapping[str, Any], study: Mapping[str, Any]) -> str:
    """Write the card.

    Args:
        report: the content of `export.json`.
        metadata: what the checkpoint or `model.json` knows: plain values by name.
        study: name, crs, scale, years, months and collections of the study.
    """
    parity = report["parity"]
    proof = (
        f"On {parity['pixels']:,} real pixels, the graph and PyTorch differ by at most {parity['max_abs']:.1e} in "
        f"probability (mean {parity['mean_abs']:.1e}); {parity['flips']} classes differ. Evaluated by "
        f"{report['proved_by']}. {_REMARKS[report['proved_by']]}"
    )
    return _TEMPLATE.format(
        features=", ".join(f"`{name}`" for name in report["features"]),
        reach=report["reach"],
        usage=USAGE,
        crs=study["crs"],
        scale=study["scale"],
        data=_table({key: study[key] for key in ("name", "years", "months", "collections") if key in study}),
        metrics=_table(metadata) if metadata else "No metrics were stored with the checkpoint.",
        threshold=report["threshold"],
        proof=proof,
        calls=report["calls"],
        bytes=report["bytes"],
        macs=report["macs_per_pixel"],
        peak_bytes=report["peak_bytes_per_pixel"],
        shard=report["shard_size"],
        tile_mb=round(report["peak_bytes_per_pixel"] * report["shard_size"] ** 2 / 1e6),
        form=report["form"],
    )


_REMARKS = {
    "eelocal": "That is a stand-in for the service on one machine; it has not been run on the service itself.",
    "Earth Engine": "That is the service itself.",
}


def _table(content: Mapping[str, Any]) -> str:
    """Plain values as a table; nested ones by dotted names."""
    rows = [f"| {name} | {value} |" for name, value in _flat(content)]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, float):
            rows.append((f"{prefix}{key}", f"{value:.4g}"))
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            rows.append((f"{prefix}{key}", text.replace("|", "/").replace("\n", " ")))
    return rows
