"""Draws photographs of brushed metal, some with a defect. What is drawn follows from the seed alone."""

import numpy

SIDES = (48, 64, 80)


def draw(classes, count, seed):
    """`count` images in turn of each class: a list of grey levels [side, side] and an array of class numbers."""
    random = numpy.random.default_rng(seed)
    labels = numpy.arange(count) % len(classes)
    return [_image(random, classes[label]) for label in labels], labels


def _image(random, defect):
    side = int(random.choice(SIDES))
    surface = _brushed(random, side)
    if defect == "scratch":
        surface = _scratch(random, surface)
    elif defect == "dent":
        surface = _dent(random, surface)
    elif defect == "stain":
        surface = _stain(random, surface)
    noisy = surface + random.normal(0, random.uniform(1, 5), surface.shape)
    return numpy.clip(noisy, 0, 255).astype(numpy.uint8)


def _brushed(random, side):
    """Lines along one direction under light that falls from one side."""
    y, x = _grid(side)
    angle = random.uniform(0, numpy.pi)
    across = numpy.round((numpy.cos(angle) * x + numpy.sin(angle) * y) * random.uniform(40, 90)).astype(int)
    lines = random.normal(0, random.uniform(2, 7), across.max() - across.min() + 1)[across - across.min()]
    light = random.uniform(-35, 35) * x + random.uniform(-35, 35) * y
    return random.uniform(90, 180) + light + lines


def _scratch(random, surface):
    """A thin bent line, lighter or darker than the metal, in part of the image."""
    y, x = _turned(random, len(surface))
    bend = random.uniform(-0.35, 0.35)
    distance = numpy.abs(y - bend * x * x)
    ends = numpy.clip((random.uniform(0.25, 0.75) - numpy.abs(x)) * 20, 0, 1)
    return surface + _sign(random) * random.uniform(28, 70) * numpy.exp(-((distance / random.uniform(0.02, 0.05)) ** 2)) * ends


def _dent(random, surface):
    """A round hollow: light on one side, shadow on the other, and the metal's own tone in the middle."""
    y, x = _turned(random, len(surface))
    radius = random.uniform(0.15, 0.4)
    squared = (x * x + (y * random.uniform(0.8, 1.25)) ** 2) / radius**2
    return surface + random.uniform(35, 80) * (x / radius) * numpy.exp(-squared)


def _stain(random, surface):
    """A soft patch with a ragged rim that takes the light away and blurs the lines under it."""
    y, x = _turned(random, len(surface))
    direction = numpy.arctan2(y, x)
    rim = 1 + sum(random.uniform(0, 0.22) * numpy.cos(wave * direction + random.uniform(0, 6.28)) for wave in (2, 3, 5))
    inside = 1 / (1 + numpy.exp((numpy.hypot(x, y) / (random.uniform(0.18, 0.5) * rim) - 1) * random.uniform(5, 12)))
    return surface - random.uniform(22, 60) * inside


def _turned(random, side):
    """Coordinates around a point of the middle part, turned by any angle."""
    y, x = _grid(side)
    x, y = x - random.uniform(-0.5, 0.5), y - random.uniform(-0.5, 0.5)
    angle = random.uniform(0, 2 * numpy.pi)
    return numpy.cos(angle) * y - numpy.sin(angle) * x, numpy.sin(angle) * y + numpy.cos(angle) * x


def _grid(side):
    line = numpy.linspace(-1, 1, side)
    return numpy.meshgrid(line, line, indexing="ij")


def _sign(random):
    return 1 if random.random() < 0.5 else -1
