"""Behaviour that Earth Engine does not document, or that was not found: what is done here."""

from __future__ import annotations

CHOICES: dict[str, str] = {
    "Array pixels of different shapes within an image": ("refused: every pixel of a band has one shape"),
    "Type of matrixMultiply": ("the union of the input types, at least 32 bits for integers"),
    "Collection order": (
        "images are loaded in the order of their index; a sort keeps the order of equals, and puts "
        "elements without the property first"
    ),
    "Composites (reduced collections, mosaics)": (
        "no projection of their own: EPSG:4326 with pixels of one degree is shown, and they are computed "
        "on the grid that is asked for; no footprint"
    ),
    "Reducing images with different bands": (
        "refused where an image lacks a band of the first; bands of later images only are left out; `mosaic` takes any"
    ),
    "ImageCollection.qualityMosaic with equal qualities": ("the last image"),
    "Date ranges that end before they start": ("refused"),
    "Element.set of null": ("removes the property"),
    "The choice operator (a ? b : c) in expressions": (
        "masked where a is masked, and where the side that is chosen is"
    ),
    "Filters on a missing property": (
        "do not pass, `Filter.notEquals` too; the client's `ee.Filter.neq` sends the opposite of equality, which passes"
    ),
    "Spatial filters": ("planar in longitude and latitude, of the image's footprint (the outline of its raster)"),
    "Image.clip": ("a pixel belongs where its centre is in the geometry, the border included"),
    "Geodesic edges": (
        "edges of longitude and latitude are straight in longitude and latitude, cut into 64 parts when "
        "moved to another system; areas are on the ellipsoid"
    ),
    "Image.slice with an end beyond the bands": ("the bands that there are"),
    "Partial masks": ("a mask is 0 or 1 here: any mask value that is not zero means valid, and weights nothing"),
    "Image.unmask with sameFootprint": ("outside of the input's footprint pixels stay masked, by the pixel's centre"),
    "Properties of a computed image": (
        "arithmetic, casts and reductions keep the footprint and `system:index` of the first image only; "
        "operations documented to keep metadata keep all"
    ),
    "Array pixels with scalar pixels": (
        "the scalar goes with every element, as `ee.Array` does; shapes must agree otherwise"
    ),
    "Image.convolve: the kernel's direction": (
        "not flipped (correlation): the weight at the left and top goes with the neighbour to the left "
        "and above. To be probed on the service"
    ),
    "Image.convolve: masked pixels": (
        "the result is masked where any neighbour of non-zero weight is masked or outside of the image. "
        "To be probed on the service"
    ),
    "Type of convolve": ("float where the input is float, double otherwise"),
    "Neighbourhood operations: the grid": (
        "the grid that is asked for, or that of the reproject() above, whatever the input's own projection is"
    ),
    "Image.neighborhoodToBands: order": (
        "for each input band the kernel's cells row by row from the top left; masked neighbours are masked"
    ),
    "Image.focal*: masked pixels": ("skipped; a masked centre is filled from its neighbours"),
    "reproject or setDefaultProjection with a scale and a bare coordinate system": (
        "pixels count down from the system's origin (transform [s, 0, 0, 0, -s, 0])"
    ),
    "Image.pixelArea": ("the projection's areal scale at the pixel's centre, on the system's ellipsoid"),
    "Default projection of a computed image": ("that of the first input that has one of its own"),
    "Terrain: gradient": (
        "central differences of the 4 neighbours over twice the pixel's nominal size in metres (in "
        "degrees: 111,319.49 m, times the cosine of the latitude along x), on the grid that is asked for;"
        " masked where one of the five pixels is"
    ),
    "Terrain.aspect of flat ground": ("0"),
    "Kernel.circle, octagon: fractional radii and corners": (
        "a cell belongs where its centre is within the radius; an octagon cuts the corners where |x| + |y| > 1.5 radius"
    ),
    "Type of add, subtract, multiply, min, max, mod on integers": (
        "the range that the operation has on the operands' ranges (byte + byte is int 0..510); the "
        "service documents 'the union of the input types' and shows such ranges"
    ),
    "Type of divide, pow, atan2, hypot": (
        "double where an operand is double, float otherwise (integers divide to float)"
    ),
    "Type of sqrt, exp, log, sin and their like": ("float where the input is float, double otherwise"),
    "round": ("half up"),
    "mod": ("the sign of the dividend; 0 for a divisor of 0"),
    "atan2(image1, image2)": ("the angle of the vector [x = image1, y = image2], as its description says"),
    "Casts to integers": ("the fraction is dropped and the value clamped to the type's range"),
    "Invalid results (log of a negative number, 0/0 in pow)": (
        "the floating point value (NaN or infinite), not masked"
    ),
    "Reducer.median of an even number of values": ("the mean of the two in the middle"),
    "Reducer.percentile": ("linear interpolation between the sorted values"),
    "Reducer.mode with several commonest values": ("the smallest"),
    "Type of mean, median, variance, stdDev": (
        "float where the input is float, double otherwise; sum and product are double"
    ),
    "Reducer.count where every input is masked": ("0, and the pixel is valid"),
    "Image at another scale than its own": ("the nearest pixel at every scale: there are no pyramids of averages"),
    "Image.resample": ("masked where a pixel with a weight is masked; bicubic is Catmull-Rom (a = -0.5)"),
    "Image.resample of integers": ("double"),
}
