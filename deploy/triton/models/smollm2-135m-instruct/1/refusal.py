"""The request is at fault."""


class Refused(Exception):
    """A code of the platform, the parameter, and what is wrong with it, without its value."""

    def __init__(self, code, param, message):
        super().__init__(message)
        self.code = code
        self.param = param
