"""What Triton's own statistics do not say of a decoupled model: how answers ended, and their tokens. On the metrics port."""

import triton_python_backend_utils as pb_utils

OUTCOMES = ("answered", "cancelled", "refused", "overloaded", "failed")


class Figures:
    def __init__(self, model):
        counter = pb_utils.MetricFamily.COUNTER
        self._answers = pb_utils.MetricFamily(name="text_requests_total", description="Requests for text, by how they ended", kind=counter)
        self._tokens = pb_utils.MetricFamily(name="text_tokens_total", description="Tokens of requests for text", kind=counter)
        self._by_outcome = {outcome: self._answers.Metric(labels={"model": model, "outcome": outcome}) for outcome in OUTCOMES}
        self._by_kind = {kind: self._tokens.Metric(labels={"model": model, "kind": kind}) for kind in ("input", "output")}

    def ended(self, outcome):
        self._by_outcome[outcome].increment(1)

    def counted(self, input_tokens, output_tokens):
        self._by_kind["input"].increment(input_tokens)
        self._by_kind["output"].increment(output_tokens)

    def close(self):
        """Triton wants these gone before the model is."""
        self._by_outcome.clear()
        self._by_kind.clear()
        del self._answers, self._tokens
