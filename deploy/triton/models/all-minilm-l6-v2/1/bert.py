"""BERT's encoder with mean pooling, in numpy: six layers of 384, twelve heads."""

import json
import struct

import numpy

LAYERS = 6
HEADS = 12
EPSILON = numpy.float32(1e-12)


class Bert:
    def __init__(self, weights_file):
        self._weights = _read_safetensors(weights_file)

    def embed(self, texts):
        """One row of length 1 for each list of token ids. Rows of all texts go through the layers together, without padding."""
        ends = numpy.cumsum([len(ids) for ids in texts])
        spans = [slice(end - len(ids), end) for ids, end in zip(texts, ends)]
        rows = self._look_up(numpy.concatenate(texts), numpy.concatenate([numpy.arange(len(ids)) for ids in texts]))
        for layer in range(LAYERS):
            rows = self._layer(f"encoder.layer.{layer}", rows, spans)
        means = numpy.stack([rows[span].mean(axis=0) for span in spans])
        return means / numpy.linalg.norm(means, axis=1, keepdims=True)

    def _look_up(self, ids, positions):
        weights = self._weights
        rows = (weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][positions]
                + weights["embeddings.token_type_embeddings.weight"][0])
        return self._normed("embeddings.LayerNorm", rows)

    def _layer(self, name, rows, spans):
        query, key, value = (self._dense(f"{name}.attention.self.{part}", rows) for part in ("query", "key", "value"))
        seen = numpy.concatenate([_attend(query[span], key[span], value[span]) for span in spans])
        rows = self._normed(f"{name}.attention.output.LayerNorm", rows + self._dense(f"{name}.attention.output.dense", seen))
        inner = _gelu(self._dense(f"{name}.intermediate.dense", rows))
        return self._normed(f"{name}.output.LayerNorm", rows + self._dense(f"{name}.output.dense", inner))

    def _dense(self, name, rows):
        return rows @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, name, rows):
        centred = rows - rows.mean(axis=1, keepdims=True)
        scale = numpy.sqrt((centred * centred).mean(axis=1, keepdims=True) + EPSILON)
        return centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _attend(query, key, value):
    """Each head of one text by itself."""
    by_head = lambda rows: rows.reshape(len(rows), HEADS, -1).transpose(1, 0, 2)
    query, key, value = by_head(query), by_head(key), by_head(value)
    scores = query @ key.transpose(0, 2, 1) / numpy.float32(numpy.sqrt(query.shape[2]))
    weights = numpy.exp(scores - scores.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    return (weights @ value).transpose(1, 0, 2).reshape(query.shape[1], -1)


def _gelu(rows):
    return rows * (1 + _erf(rows / numpy.float32(numpy.sqrt(2)))) / 2


def _erf(values):
    """Abramowitz and Stegun, 7.1.26: wrong by at most 1.5e-7, which is what a 32-bit number can tell apart."""
    size = numpy.abs(values)
    t = 1 / (1 + numpy.float32(0.3275911) * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return numpy.sign(values) * (1 - series * numpy.exp(-size * size))


def _read_safetensors(path):
    """The format is eight bytes of length, a JSON header of that length, and the numbers."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = numpy.frombuffer(data, numpy.float32, (end - begin) // 4, begin).reshape(entry["shape"])
    return tensors
