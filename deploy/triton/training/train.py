"""Trains the defect detector's network on drawn images, or measures the one that is there.

python3 train.py            draws, trains, measures; writes weights.npz and accuracy.json
python3 train.py evaluate   measures the weights that are there and prints what it found, as JSON

Needs numpy. Everything follows from the seeds below; another processor may round differently, and then the weights differ
in their last digits and the accuracy by less than one percent.
"""

import json
import os
import sys

import numpy

# Nothing is left beside the sources.
sys.dont_write_bytecode = True

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")
WEIGHTS = os.path.join(MODELS, "defect-classifier", "1", "weights.npz")
ACCURACY = os.path.join(HERE, "accuracy.json")
sys.path += [HERE, os.path.join(MODELS, "defect-classifier", "1"), os.path.join(MODELS, "defect-preprocess", "1")]

from draw import draw  # noqa: E402
from network import CLASSES, CONVOLUTIONS, forward, load, probabilities  # noqa: E402
from normalise import SIDE, normalise  # noqa: E402

TRAINING_IMAGES, TRAINING_SEED = 8000, 1
# Never seen while the network is trained, and drawn from another seed.
HELD_OUT_IMAGES, HELD_OUT_SEED = 2000, 2
NETWORK_SEED = 3
CHANNELS = (1, 8, 16, 24)
EPOCHS, BATCH, STEP = 14, 64, 0.003


def main():
    if sys.argv[1:] == ["evaluate"]:
        return print(json.dumps(evaluate(load(WEIGHTS))))
    weights = train(*prepared(TRAINING_IMAGES, TRAINING_SEED))
    numpy.savez(WEIGHTS, **weights)
    found = evaluate(weights)
    with open(ACCURACY, "w", encoding="utf-8") as file:
        file.write(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))


def prepared(count, seed):
    images, labels = draw(CLASSES, count, seed)
    return numpy.concatenate([normalise(image[None]) for image in images]), labels


def evaluate(weights):
    """The share of held-out images that the network names rightly, in all and of each class."""
    images, labels = prepared(HELD_OUT_IMAGES, HELD_OUT_SEED)
    right = probabilities(weights, images).argmax(axis=1) == labels
    by_class = {name: round(float(right[labels == number].mean()), 4) for number, name in enumerate(CLASSES)}
    return {"held_out_images": HELD_OUT_IMAGES, "accuracy": round(float(right.mean()), 4), "by_class": by_class}


def train(images, labels):
    random = numpy.random.default_rng(NETWORK_SEED)
    weights = fresh(random)
    # Adam (Kingma and Ba, 2014): running means of the slopes and of their squares.
    means = {name: numpy.zeros_like(value) for name, value in weights.items()}
    squares = {name: numpy.zeros_like(value) for name, value in weights.items()}
    steps = EPOCHS * (len(images) // BATCH)
    for step in range(1, steps + 1):
        if (step - 1) % (len(images) // BATCH) == 0:
            order = iter(random.permutation(len(images))[: len(images) // BATCH * BATCH].reshape(-1, BATCH))
        chosen = next(order)
        rate = STEP * (1 - step / (steps + 1))
        for name, slope in slopes(weights, turned(random, images[chosen]), labels[chosen]).items():
            means[name] += 0.1 * (slope - means[name])
            squares[name] += 0.001 * (slope * slope - squares[name])
            weights[name] -= rate * (means[name] / (1 - 0.9**step)) / (numpy.sqrt(squares[name] / (1 - 0.999**step)) + 1e-8)
    return weights


def fresh(random):
    weights = {}
    for name, taken, given in zip(CONVOLUTIONS, CHANNELS, CHANNELS[1:]):
        weights[f"{name}.weight"] = random.normal(0, numpy.sqrt(2 / (9 * taken)), (9 * taken, given)).astype(numpy.float32)
        weights[f"{name}.bias"] = numpy.zeros(given, numpy.float32)
    features = 2 * CHANNELS[-1]
    weights["choice.weight"] = random.normal(0, numpy.sqrt(1 / features), (features, len(CLASSES))).astype(numpy.float32)
    weights["choice.bias"] = numpy.zeros(len(CLASSES), numpy.float32)
    return weights


def turned(random, images):
    """A defect is the same whichever way the photograph is held."""
    if random.random() < 0.5:
        images = images[:, :, ::-1]
    return numpy.rot90(images, int(random.integers(4)), axes=(1, 2))


def slopes(weights, images, labels):
    """How the loss (cross-entropy) changes with each weight."""
    *steps, features, scores = forward(weights, images)
    odds = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    error = odds / odds.sum(axis=1, keepdims=True)
    error[numpy.arange(len(labels)), labels] -= 1
    error /= len(labels)
    found = {"choice.weight": features.T @ error, "choice.bias": error.sum(axis=0)}
    back = pooled_back(steps[-1], error @ weights["choice.weight"].T)
    for name, patches, rows in reversed(list(zip(CONVOLUTIONS, steps[0::2], steps[1::2]))):
        back = back * (rows > 0)
        found[f"{name}.weight"] = patches.reshape(-1, patches.shape[3]).T @ back.reshape(-1, back.shape[3])
        found[f"{name}.bias"] = back.sum(axis=(0, 1, 2))
        back = patches_back(back @ weights[f"{name}.weight"].T)
    return found


def pooled_back(rows, error):
    """Through mean and greatest of each channel."""
    n, height, width, channels = rows.shape
    of_mean, of_greatest = error[:, None, None, :channels], error[:, None, None, channels:]
    is_greatest = rows == rows.max(axis=(1, 2), keepdims=True)
    return of_mean / (height * width) + of_greatest * is_greatest / is_greatest.sum(axis=(1, 2), keepdims=True)


def patches_back(error):
    """The other way through `patches_of`."""
    n, height, width, size = error.shape
    channels = size // 9
    padded = numpy.zeros((n, 2 * height + 2, 2 * width + 2, channels), error.dtype)
    for index in range(9):
        y, x = divmod(index, 3)
        padded[:, y : y + 2 * height : 2, x : x + 2 * width : 2] += error[..., index * channels : (index + 1) * channels]
    return padded[:, 1:-1, 1:-1]


if __name__ == "__main__":
    main()
