"""The query endpoint, its search page and its widget; public text unless a key says
more.

Import this package only to serve: it brings FastAPI with it.
"""

from kb.api.app import create_app
from kb.api.backend import (
    ANYBODY,
    About,
    Backend,
    Passages,
    Reader,
    Stats,
    StoredDocument,
)
from kb.api.settings import ApiSettings

__all__ = [
    "ANYBODY",
    "About",
    "ApiSettings",
    "Backend",
    "Passages",
    "Reader",
    "Stats",
    "StoredDocument",
    "create_app",
]
