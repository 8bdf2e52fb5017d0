"""From grey levels to the network's input; the training script uses the same function."""

import numpy

SIDE = 32
# Below this an image is one flat tone, and dividing by its contrast would only enlarge noise.
LEAST_CONTRAST = 1.0


def normalise(images):
    """`images`: grey levels, shape [n, height, width]. Shape [n, 32, 32] with mean 0 and contrast 1 for each image."""
    small = _shrink(_shrink(images.astype(numpy.float32), 1), 2)
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    contrast = centred.std(axis=(1, 2), keepdims=True)
    return (centred / numpy.maximum(contrast, LEAST_CONTRAST)).astype(numpy.float32)


def _shrink(images, axis):
    """The means of SIDE stretches along an axis, each at least one pixel long."""
    edges = numpy.arange(SIDE + 1) * images.shape[axis] // SIDE
    sums = numpy.add.reduceat(images, edges[:-1], axis=axis)
    lengths = numpy.diff(edges).astype(numpy.float32)
    return sums / (lengths[:, None] if axis == 1 else lengths)
