"""What to use in place of a torch operation that cannot be carried over."""

ALTERNATIVES = {
    "conv_transpose2d": "an exported network keeps every pixel, use Conv2d with stride=1",
    "upsample_nearest2d": "an exported network keeps every pixel, leave out up- and downsampling",
    "upsample_bilinear2d": "an exported network keeps every pixel, leave out up- and downsampling",
    "pixel_shuffle": "an exported network keeps every pixel, leave out up- and downsampling",
    "adaptive_avg_pool2d": "use AvgPool2d(k, stride=1): a pixel sees a window of fixed size",
    "adaptive_max_pool2d": "use MaxPool2d(k, stride=1): a pixel sees a window of fixed size",
    "mean": "use AvgPool2d(k, stride=1): a pixel sees a window of fixed size",
    "group_norm": "use BatchNorm2d, whose statistics are fixed after training",
    "layer_norm": "use BatchNorm2d, whose statistics are fixed after training",
    "instance_norm": "use BatchNorm2d, whose statistics are fixed after training",
    "prelu": "use LeakyReLU with a fixed slope",
    "mish": "use SiLU or GELU", "softplus": "use ELU or SiLU", "selu": "use ELU",
    "flatten": "write the first Linear as a Conv2d whose kernel is the whole patch",
    "view": "keep [n, channel, y, x] throughout", "reshape": "keep [n, channel, y, x] throughout",
    "scaled_dot_product_attention": "use convolutions with dilation for reach",
    "lstm": "use convolutions", "gru": "use convolutions",
    "isnan": "use nan_to_num(x, nan=0.0) after the standardisation",
    "pad": "use padding=0 with centre crops", "conv3d": "use Conv2d on [n, channel, y, x]",
}  # fmt: skip
