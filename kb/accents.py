"""Text in the form in which words are compared: lower case, without accents."""

from __future__ import annotations

import unicodedata


def unaccented(text: str) -> str:
    """*text* in lower case, without accents, which come and go while people write.

    >>> unaccented("Où est l'ÉCRAN?"), unaccented("plain")
    ("ou est l'ecran?", 'plain')
    """
    bare = text.casefold()
    # As most is.
    if bare.isascii():
        return bare
    parted = unicodedata.normalize("NFKD", bare)
    return "".join(char for char in parted if not unicodedata.combining(char))
