"""The form of `pixelcnn`, narrow: at most a quarter of its multiply-adds."""

from water_gee.models.networks.pixelcnn import PixelCNN

NETWORK = PixelCNN
