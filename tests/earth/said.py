"""What every label source says of one look, by numpy: written apart from the product."""

import numpy as np

Numbers = dict[str, np.ndarray]

# USGS's table of the codes of the five tests, the first test's digit last.
DSWE = {
    "high": "01111 10111 11011 11101 11110 11111",
    "moderate": "00111 01011 01101 01110 10011 10101 10110 11001 11010 11100",
    "partial, conservative": "11000",
    "partial, aggressive": "00011 00101 00110 01001 01010 01100 10000 10001 10010 10100",
    "not water": "00000 00001 00010 00100 01000",
}
CLASS_OF = {code: name for name, codes in DSWE.items() for code in codes.split()}


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The normalised difference, negative reflectance as 0."""
    one, other = np.maximum(one, 0), np.maximum(other, 0)
    return np.where(one + other == 0, 0, (one - other) / np.where(one + other == 0, 1, one + other))


def codes(r: Numbers) -> np.ndarray:
    """DSWE's code of each pixel, as text."""
    mndwi, ndvi = difference(r["green"], r["swir1"]), difference(r["nir"], r["red"])
    tests = [
        mndwi > 0.124,
        r["green"] + r["red"] > r["nir"] + r["swir1"],
        r["blue"] + 2.5 * r["green"] - 1.5 * (r["nir"] + r["swir1"]) - 0.25 * r["swir2"] > 0,
        (mndwi > -0.44) & (r["swir1"] < 0.09) & (r["nir"] < 0.15) & (ndvi < 0.7),
        (mndwi > -0.5) & (r["blue"] < 0.1) & (r["swir1"] < 0.3) & (r["swir2"] < 0.1) & (r["nir"] < 0.22),
    ]
    digits = [np.where(test, "1", "0") for test in reversed(tests)]
    return np.array(["".join(each) for each in zip(*(d.ravel() for d in digits), strict=True)]).reshape(mndwi.shape)


def says(r: Numbers, bit: np.ndarray) -> Numbers:
    """What every source says of one look, written apart from the product."""
    ndvi, classes = difference(r["nir"], r["red"]), np.vectorize(CLASS_OF.get)(codes(r))
    wi2015 = 1.7204 + 171 * r["green"] + 3 * r["red"] - 70 * r["nir"] - 45 * r["swir1"] - 71 * r["swir2"]
    awei = r["blue"] + 2.5 * r["green"] - 1.5 * (r["nir"] + r["swir1"]) - 0.25 * r["swir2"]
    return {
        "cfmask": ((ndvi < 0.01) & (r["nir"] < 0.11)) | ((ndvi < 0.1) & (r["nir"] < 0.05)),
        "mndwi": difference(r["green"], r["swir1"]) > 0,
        "awei": awei > 0,
        "wi2015": wi2015 > 0,
        "ndwi": difference(r["green"], r["nir"]) > 0,
        "dswe": np.isin(classes, ["high", "moderate"]),
        "dswe_partial": classes != "not water",
        "fmask": bit,
    }
