"""Small models with random weights, as sentence-transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kb.embed.models import locate

DIM = 16


class MakeModel(Protocol):
    """Makes a model in a folder; its weights are the same each time."""

    def __call__(
        self,
        target: Path,
        *,
        pooling: str = "mean",
        prompts: dict[str, str] | None = None,
    ) -> str:
        """Returns the folder, as it may stand in a config."""


def tiny_models(base: Path) -> MakeModel:
    """Prepare what all of them share, in an empty folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    _, folder = locate("packaged")
    torch.manual_seed(7)
    BertModel(
        BertConfig(
            vocab_size=30522,
            hidden_size=DIM,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=64,
        )
    ).save_pretrained(base)
    AutoTokenizer.from_pretrained(folder).save_pretrained(base)

    def make(
        target: Path, *, pooling: str = "mean", prompts: dict[str, str] | None = None
    ) -> str:
        transformer = Transformer(str(base))
        model = SentenceTransformer(
            modules=[transformer, Pooling(DIM, pooling_mode=pooling)],
            prompts=prompts,
            device="cpu",
        )
        model.max_seq_length = 48
        model.save(str(target), create_model_card=False)
        return str(target)

    return make
