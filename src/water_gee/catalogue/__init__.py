"""The study's products as a STAC catalogue: what there is, where and when, of what it was made."""
