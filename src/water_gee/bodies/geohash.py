"""A place as a short word: the geohash of G. Niemeyer (2008), which lies in the public domain.

Longitude and latitude are halved in turn, longitude first; each choice of a half is a bit, and five bits a letter.
"""

_LETTERS = "0123456789bcdefghjkmnpqrstuvwxyz"
LENGTH = 10  # letters: a cell of 1.2 m x 0.6 m at the equator, far below a pixel


def geohash(longitude: float, latitude: float, length: int = LENGTH) -> str:
    """Return the geohash of a point in degrees; longitudes that run on past 180 are taken round the globe."""
    longitude = (longitude + 180.0) % 360.0 - 180.0
    spans = [[-180.0, 180.0], [-90.0, 90.0]]
    word, number = "", 0
    for bit in range(5 * length):
        span, value = spans[bit % 2], (longitude, latitude)[bit % 2]
        middle = (span[0] + span[1]) / 2
        upper = value >= middle
        span[0 if upper else 1] = middle
        number = 2 * number + upper
        if bit % 5 == 4:
            word, number = word + _LETTERS[number], 0
    return word
