"""The classes of a pixel, as labels, references and maps store them in a byte."""

LAND, WATER = 0, 1
UNKNOWN = 255  # no class: a label that abstains, a reference without knowledge, a map's pixel that was not seen
