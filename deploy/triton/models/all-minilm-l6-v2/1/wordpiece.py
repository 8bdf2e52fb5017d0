"""The tokeniser of uncased BERT: words in lower case without accents, cut into the longest pieces that the vocabulary has."""

import unicodedata

# A longer word is not looked at: no vocabulary has its pieces in a useful way.
WORD_LIMIT_CHARACTERS = 100


class WordPiece:
    def __init__(self, vocabulary_file):
        with open(vocabulary_file, encoding="utf-8") as lines:
            self._ids = {line.rstrip("\n"): number for number, line in enumerate(lines)}
        self._unknown, self._first, self._last = (self._ids[name] for name in ("[UNK]", "[CLS]", "[SEP]"))

    def encode(self, text):
        """Token ids with the marks of begin and end."""
        return [self._first, *(piece for word in _words(text) for piece in self._pieces(word)), self._last]

    def _pieces(self, word):
        if len(word) > WORD_LIMIT_CHARACTERS:
            return [self._unknown]
        pieces, start = [], 0
        while start < len(word):
            end = next((end for end in range(len(word), start, -1) if self._entry(word, start, end) in self._ids), None)
            if end is None:
                return [self._unknown]
            pieces.append(self._ids[self._entry(word, start, end)])
            start = end
        return pieces

    @staticmethod
    def _entry(word, start, end):
        return word[start:end] if start == 0 else f"##{word[start:end]}"


def _words(text):
    """Words and single punctuation marks; every Chinese character is a word."""
    spaced = "".join(_spaced(character) for character in text)
    plain = "".join(character for character in unicodedata.normalize("NFD", spaced.lower()) if unicodedata.category(character) != "Mn")
    return "".join(f" {character} " if _is_punctuation(character) else character for character in plain).split()


def _spaced(character):
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    if category in ("Cc", "Cf") or character == "\ufffd":
        return ""
    return f" {character} " if _is_chinese(ord(character)) else character


def _is_punctuation(character):
    code = ord(character)
    is_ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return is_ascii_mark or unicodedata.category(character).startswith("P")


def _is_chinese(code):
    """The blocks that BERT's own tokeniser counts as such."""
    return (0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x2A6DF or 0x2A700 <= code <= 0x2CEAF
            or 0xF900 <= code <= 0xFAFF or 0x2F800 <= code <= 0x2FA1F)
