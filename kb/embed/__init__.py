"""Texts to vectors: sentence-transformers models, and a hashing stand-in.

`open_embedder` is the entrance. Nothing heavy is imported before a model that
needs it is opened, and PyTorch not at all once a model was converted.
"""

from kb.embed.hashing import HashingEmbedder
from kb.embed.models import ModelRef, Prompts
from kb.embed.opening import Backend, open_embedder, open_tokenizer
from kb.embed.protocol import Embedder, Float32, TokenCounter

__all__ = [
    "Backend",
    "Embedder",
    "Float32",
    "HashingEmbedder",
    "ModelRef",
    "Prompts",
    "TokenCounter",
    "open_embedder",
    "open_tokenizer",
]
