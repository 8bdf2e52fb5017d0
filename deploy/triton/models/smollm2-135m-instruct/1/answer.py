"""One answer on its way."""

from contract import Piece, read_steps


class Cancelled(Exception):
    """The caller left."""


class Answer:
    """Sent piece by piece as it is decoded, or gathered until it is whole."""

    def __init__(self, talk, asked):
        self._talk = talk
        self._asked = asked
        self._text = "" if asked.wants["exclude_input_in_output"] else asked.prompt
        self._steps = []
        self._input_tokens = 0
        self._output_tokens = 0
        self._told_tokens = 0
        self._finish_reason = None

    def run(self, engine):
        """Sends all but the last piece, and returns that."""
        try:
            engine.complete(self._asked.prompt, self._asked.settings, self._hear)
        finally:
            self._talk.counted(self._input_tokens, self._output_tokens)
        if self._finish_reason is None:
            raise Cancelled if self._talk.cancelled else RuntimeError("the answer ended without a reason")
        return self._piece(self._finish_reason)

    def _hear(self, chunk):
        """True ends the answer: the caller left."""
        if self._talk.cancelled:
            return True
        choice, timings = chunk["choices"][0], chunk["timings"]
        self._text += choice["text"]
        self._input_tokens = timings["prompt_n"] + timings["cache_n"]
        self._output_tokens = timings["predicted_n"]
        self._finish_reason = choice["finish_reason"]
        if self._asked.logprobs is not None and choice["logprobs"]:
            # The token that ends an answer has no text, and is none of its own.
            self._steps += read_steps((entry for entry in choice["logprobs"]["content"] if entry["bytes"]), self._asked.logprobs)
        # What has no text waits for the next piece.
        if self._asked.streams and self._finish_reason is None and (self._text or self._steps):
            self._talk.say(self._piece(None), self._asked.wants)
        return False

    def _piece(self, finish_reason):
        piece = Piece(self._text, self._input_tokens, self._output_tokens - self._told_tokens, self._steps, finish_reason)
        self._text, self._steps, self._told_tokens = "", [], self._output_tokens
        return piece
