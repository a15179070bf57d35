"""Converting a model to OpenVINO, once; afterwards PyTorch is not needed to embed."""

from __future__ import annotations

import logging
import re
import shutil
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from kb.embed.models import ModelSource, read_json, write_json
from kb.embed.pytorch import load_model
from kb.embed.runtime import import_openvino
from kb.errors import EmbeddingError

logger = logging.getLogger(__name__)

_FORMAT = 2
_FILES = ("openvino_model.xml", "openvino_model.bin", "tokenizer.json")
# Different lengths, scripts and symbols: one batch shows wrong padding at once.
_PROBES = (
    "",
    "How do I reset my password?",
    "Le tableau de bord n'affiche plus les données depuis la mise à jour.",
    "GET /api/29/analytics.json?dimension=dx:Uvn6LCg7dVU → 409 Conflict",
    "The server ran out of memory while it exported the tables. " * 40,
)
_MIN_COSINE = 0.999


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A folder with the network, the tokenizer and what is needed to run them."""

    folder: Path
    dim: int
    max_seq_length: int
    pad_id: int

    @property
    def network(self) -> Path:
        return self.folder / "openvino_model.xml"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"


class NotConvertibleError(Exception):
    """The model does something that a converted one would not do."""


def converted(source: ModelSource, cache_dir: Path) -> ConvertedModel:
    """The converted model from the cache, made if it is not there.

    Several processes may ask at once; one converts, the others wait for it.

    Raises:
        NotConvertibleError: It must be run by PyTorch.
        EmbeddingError: The model does not load, or the cache cannot be written.
    """
    folder = cache_dir / re.sub(r"[^\w.@-]", "_", source.model_id)
    model = _read(source, folder)
    if model is not None:
        return model
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_dir / "convert.lock"):
            model = _read(source, folder)
            if model is None:
                _convert_into(source, folder)
                model = _read(source, folder)
    except OSError as exc:
        raise EmbeddingError(source.name, f"cannot write {cache_dir}: {exc}") from exc
    if model is None:
        raise EmbeddingError(source.name, f"{folder} changed while it was written")
    return model


def _read(source: ModelSource, folder: Path) -> ConvertedModel | None:
    stamp = read_json(folder / "stamp.json")
    expected = {
        "format": _FORMAT,
        "fingerprint": source.fingerprint,
        "openvino": import_openvino().get_version(),
        "files": _checksums(folder),
    }
    if any(stamp.get(key) != value for key, value in expected.items()):
        return None
    return ConvertedModel(
        folder=folder,
        dim=int(stamp["dim"]),
        max_seq_length=int(stamp["max_seq_length"]),
        pad_id=int(stamp["pad_id"]),
    )


def _checksums(folder: Path) -> dict[str, int]:
    """CRC-32 of each file: damaged weights load, and make vectors a little wrong.

    It takes some 25 ms for 90 MB.
    """
    checksums = {}
    for name in _FILES:
        if (folder / name).is_file():
            crc = 0
            with (folder / name).open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    crc = zlib.crc32(chunk, crc)
            checksums[name] = crc
    return checksums


def _convert_into(source: ModelSource, folder: Path) -> None:
    # Under the lock, a partial folder is what a killed conversion left.
    for leftover in folder.parent.glob("*.partial"):
        shutil.rmtree(leftover)
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir()
    try:
        _write(source, partial)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    logger.info("model=%s converted to OpenVINO folder=%s", source.model_id, folder)


def _write(source: ModelSource, folder: Path) -> None:
    openvino = import_openvino()
    model = load_model(source, device="cpu")
    _check_convertible(model)
    with warnings.catch_warnings():
        # Tracing warns of every size that it takes for a constant; whether the
        # result is right is measured below.
        warnings.simplefilter("ignore")
        network = openvino.convert_model(
            _traceable(model), example_input=_example(model)
        )
    try:
        openvino.save_model(network, folder / _FILES[0], compress_to_fp16=False)
    except RuntimeError as exc:
        # A full disk, in the words of a C++ stream.
        raise EmbeddingError(
            source.name, f"cannot write the converted model to {folder}: {exc}"
        ) from exc
    shutil.copyfile(source.folder / "tokenizer.json", folder / "tokenizer.json")
    result = ConvertedModel(
        folder=folder,
        dim=int(model.get_embedding_dimension()),
        max_seq_length=int(model.max_seq_length),
        pad_id=int(model.tokenizer.pad_token_id or 0),
    )
    cosine = _agreement(source, model, result)
    if cosine < _MIN_COSINE:
        raise NotConvertibleError(f"the converted model differs: cosine {cosine:.4f}")
    write_json(
        folder / "stamp.json",
        {
            "format": _FORMAT,
            "model_id": source.model_id,
            "fingerprint": source.fingerprint,
            "openvino": openvino.get_version(),
            "dim": result.dim,
            "max_seq_length": result.max_seq_length,
            "pad_id": result.pad_id,
            "pooling": "mean",
            "cosine_to_torch": round(cosine, 6),
            "files": _checksums(folder),
        },
    )


def _check_convertible(model: Any) -> None:
    modules = [type(module).__name__ for module in model]
    if modules not in (
        ["Transformer", "Pooling"],
        ["Transformer", "Pooling", "Normalize"],
    ):
        raise NotConvertibleError(f"it is made of {', '.join(modules)}")
    pooling = model[1].get_config_dict()
    if pooling.get("pooling_mode") not in ("mean", ("mean",), ["mean"]):
        raise NotConvertibleError(f"its pooling is {pooling.get('pooling_mode')}")
    if not pooling.get("include_prompt", True):
        raise NotConvertibleError("its pooling leaves the prompt out")
    if getattr(model[0], "do_lower_case", False):
        raise NotConvertibleError("it lowers the case before its tokenizer does")
    if not model.max_seq_length:
        raise NotConvertibleError("it names no longest sequence")


def _example(model: Any) -> dict[str, Any]:
    import torch

    ids = torch.ones(2, 8, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def _traceable(model: Any) -> Any:
    """The transformer with mean pooling and normalisation behind it."""
    import torch

    class MeanPooled(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, transformer: Any) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.transformer(
                input_ids=input_ids, attention_mask=attention_mask
            ).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    return MeanPooled(model[0].auto_model).eval()


def _agreement(source: ModelSource, model: Any, result: ConvertedModel) -> float:
    """The least cosine between PyTorch's vectors and the converted model's."""
    from kb.embed.openvino import OpenVinoEmbedder

    embedder = OpenVinoEmbedder(source, result, precision="f32")
    expected = model.encode(
        list(_PROBES),
        prompt=source.passage_prompt,
        normalize_embeddings=True,
        show_progress_bar=False,
    )
    found = embedder.embed_passages(_PROBES)
    return float(np.min(np.sum(np.asarray(expected) * found, axis=1)))
