"""Surface-water maps from Landsat labels that are free and noisy, made inside Earth Engine."""

__version__ = "2.0.0"
