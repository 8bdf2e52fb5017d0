"""The part of JSON Schema that llama.cpp forces an answer into. It writes without any force where it does not understand a schema."""

from refusal import Refused

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
FORMATS = ("date", "time", "date-time")
ANNOTATIONS = ("title", "description", "default", "examples", "$schema", "$id", "$comment")
PLAIN = ("const", "enum", "required", "minItems", "maxItems", "minLength", "maxLength")
DEPTH_LIMIT = 32
# A grammar grows with every repetition that it counts, and with every alternative.
REPETITION_LIMIT = 1000
ALTERNATIVES_LIMIT = 500


def read_schema(schema):
    """The same schema, without what only explains it. Properties beyond those named are not written."""
    definitions = [f"#/{place}/{name}" for place in ("$defs", "definitions") for name in _members(schema.get(place, {}))]
    return _read(schema, definitions, 0)


def _read(schema, definitions, depth):
    if not isinstance(schema, dict):
        raise _refused("a schema that is no object")
    if depth > DEPTH_LIMIT:
        raise _refused(f"a depth of more than {DEPTH_LIMIT}")
    read = {}
    for keyword, value in schema.items():
        if keyword not in ANNOTATIONS:
            read[keyword] = _value(keyword, value, schema, definitions, depth + 1)
    if "properties" in read:
        read.setdefault("additionalProperties", False)
    return read


def _value(keyword, value, schema, definitions, depth):
    below = lambda one: _read(one, definitions, depth)
    if keyword == "type" and all(one in TYPES for one in (value if isinstance(value, list) else [value])):
        return value
    if keyword == "format" and value in FORMATS or keyword == "$ref" and value in definitions:
        return value
    if keyword in ("properties", "$defs", "definitions"):
        return {name: below(one) for name, one in _members(value).items()}
    if keyword == "items" or keyword == "additionalProperties" and not isinstance(value, bool):
        return below(value)
    if keyword == "additionalProperties":
        return value
    if keyword in ("oneOf", "anyOf", "prefixItems") and isinstance(value, list) and 0 < len(value) <= ALTERNATIVES_LIMIT:
        return [below(one) for one in value]
    if keyword in ("minimum", "maximum") and schema.get("type") == "integer" and isinstance(value, int):
        return value
    if keyword in PLAIN and _is_plain(keyword, value):
        return value
    raise _refused(f"'{keyword[:64]}' as it is given")


def _is_plain(keyword, value):
    if keyword == "const":
        return True
    if keyword in ("enum", "required"):
        return isinstance(value, list) and len(value) <= ALTERNATIVES_LIMIT
    return isinstance(value, int) and 0 <= value <= REPETITION_LIMIT


def _members(value):
    if not isinstance(value, dict):
        raise _refused("a list of schemas that is no object")
    return value


def _refused(what):
    return Refused("unsupported_parameter", "guided_decoding", f"The schema has {what}, which this model cannot be guided by.")
