"""Colours of every figure: legible in print, on a phone, and with any colour vision.

From the palette of Okabe and Ito (Color Universal Design, 2008), thinned or darkened so that the classes of
a map also differ in lightness.
"""

from water_gee.panels import ABSTAIN, ADDED, LAND, REMOVED, UNSEEN, WATER, Code

COMMISSION = Code("commission: land called water", "#d55e00")
OMISSION = Code("omission: water called land", "#4b1363")
UNKNOWN = Code("truth unknown", "#bcc0c4")

# Maps hold these numbers.
CLASSES = (LAND, WATER, UNSEEN)
ERRORS = (LAND, WATER, COMMISSION, OMISSION, UNKNOWN, UNSEEN)
LABELS = (LAND, WATER, ABSTAIN, UNSEEN)
CHANGES = (LAND, WATER, REMOVED, ADDED, ABSTAIN, UNSEEN)

METHOD_NAMES = {
    "model": "Model",
    "qa_water": "Quality band (raw label)",
    "clean_label": "Denoised label",
    "mndwi_0": "MNDWI > 0",
}
METHOD_COLOURS = {"model": "#2f7fc1", "qa_water": "#d55e00", "clean_label": "#117755", "mndwi_0": "#7a8087"}
AREA_COLOURS = ("#d55e00", "#2f7fc1", "#117755", "#8a5a9e", "#b8860b")
