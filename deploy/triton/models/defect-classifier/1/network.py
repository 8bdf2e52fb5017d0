"""The network's way forward: three convolutions that halve the image, and a choice among four classes."""

import numpy

CLASSES = ("none", "scratch", "dent", "stain")
CONVOLUTIONS = ("first", "second", "third")


def load(path):
    """The weights by name."""
    with numpy.load(path) as file:
        return {name: file[name] for name in file.files}


def probabilities(weights, images):
    """`images` of shape [n, 32, 32], normalised; shape [n, 4]."""
    scores = forward(weights, images)[-1]
    odds = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def forward(weights, images):
    """What each step made of the images, for training: patches and output of each convolution, the features, the scores."""
    steps, rows = [], images[..., None]
    for name in CONVOLUTIONS:
        patches = patches_of(rows)
        rows = numpy.maximum(patches @ weights[f"{name}.weight"] + weights[f"{name}.bias"], 0)
        steps += [patches, rows]
    features = numpy.concatenate([rows.mean(axis=(1, 2)), rows.max(axis=(1, 2))], axis=1)
    return [*steps, features, features @ weights["choice.weight"] + weights["choice.bias"]]


def patches_of(images):
    """The 3 x 3 neighbourhood of every second pixel: from [n, h, w, c] to [n, h / 2, w / 2, 9 c]."""
    n, height, width, channels = images.shape
    padded = numpy.zeros((n, height + 2, width + 2, channels), images.dtype)
    padded[:, 1:-1, 1:-1] = images
    parts = [padded[:, y : y + height : 2, x : x + width : 2] for y in range(3) for x in range(3)]
    return numpy.concatenate(parts, axis=3)
