"""What torch says: this project's own reading of its networks, apart from the exporter's."""

import numpy as np
import torch


def torch_probability(network, features, temperature=1.0, water_class=1):
    """Features [band, y, x], NaN where masked -> probability [y - 2 margin, x - 2 margin], NaN where masked.

    A pixel that lacks one feature counts as masked altogether, and its own output is NaN.
    """
    unknown = np.any(np.isnan(features), axis=0)
    joint = np.where(unknown, np.float32(np.nan), features).astype(np.float32)
    with torch.no_grad():
        logits = network.eval()(torch.from_numpy(joint)[None])[0] / temperature
    probability = torch.sigmoid(logits[0]) if logits.shape[0] == 1 else torch.softmax(logits, dim=0)[water_class]
    margin = (features.shape[1] - probability.shape[0]) // 2
    known = ~unknown[margin : features.shape[1] - margin, margin : features.shape[2] - margin]
    result = probability.numpy().astype(np.float32)
    result[~known] = np.nan
    return result
