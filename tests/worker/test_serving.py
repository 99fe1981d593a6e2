from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
import torch

from desktop.domain.errors import ContextOverflow, HearthError, ModelCorrupt, ModelNotFound, RequestError, WorkerError
from desktop.domain.inference import (
    Delta,
    EmbeddingBatch,
    Embeddings,
    Finish,
    FinishReason,
    Generation,
    Message,
    Role,
    Sampling,
)
from desktop.domain.pricing import Usage
from desktop.worker.lanes.chat import ChatLane
from desktop.worker.lanes.lane import Output
from desktop.worker.models.store import ModelStore
from desktop.worker.serving import CONTEXT_BYTES, Serving
from tests.fakes.bundled_models import CHAT, EMBEDDING, bundled_catalogue

GREEDY = Sampling(max_tokens=24, temperature=0.0)
STORY = (Message("user", "Count from one to ten in words."),)


@pytest.fixture(scope="module")
def serving(store: ModelStore) -> Serving:
    """Both bundled models; every test leaves it idle."""
    serving = Serving()
    for entry in bundled_catalogue().entries:
        loaded = serving.load(entry, store.folder_of(entry.id))
        assert (loaded.id, loaded.context_tokens) == (entry.id, entry.context_tokens)
    return serving


def chat(name: str, sampling: Sampling = GREEDY, messages: tuple[Message, ...] = STORY) -> Generation:
    return Generation(name, CHAT, sampling, messages=messages)


def drain(serving: Serving) -> dict[str, list[Output]]:
    outputs = defaultdict(list)
    while not serving.idle:
        for name, output in serving.step():
            assert isinstance(output, Delta | Finish | Embeddings)
            outputs[name].append(output)
    return outputs


def told(outputs: list[Output]) -> tuple[str, Finish]:
    *deltas, finish = outputs
    assert isinstance(finish, Finish)
    assert all(isinstance(delta, Delta) and delta.text and delta.tokens > 0 for delta in deltas)
    return "".join(delta.text for delta in deltas if isinstance(delta, Delta)), finish


def test_a_chat_is_answered_piece_by_piece_and_counted(serving: Serving) -> None:
    serving.submit(chat("job"))
    outputs = drain(serving)["job"]
    text, finish = told(outputs)
    assert len(outputs) > 10
    assert text.startswith("1.")
    assert finish.reason is FinishReason.LENGTH
    assert finish.usage == Usage(prompt_tokens=38, completion_tokens=24)
    assert sum(output.tokens for output in outputs if isinstance(output, Delta)) == 24


def test_an_answer_that_ends_by_itself_counts_its_unseen_stop_token(serving: Serving) -> None:
    question = (Message("user", "What is the capital of France? Answer with one word."),)
    serving.submit(chat("job", messages=question))
    text, finish = told(drain(serving)["job"])
    assert finish.reason is FinishReason.STOP
    assert "<|im_end|>" not in text
    serving.submit(Generation("again", CHAT, GREEDY, text=text))
    _, again = told(drain(serving)["again"])
    assert finish.usage.completion_tokens == again.usage.prompt_tokens + 1


def test_a_stop_string_ends_the_answer_and_is_not_shown(serving: Serving) -> None:
    serving.submit(chat("free"))
    free, _ = told(drain(serving)["free"])
    stop = free[6:12]
    serving.submit(chat("stopped", Sampling(max_tokens=24, temperature=0.0, stop=(stop, "never that"))))
    text, finish = told(drain(serving)["stopped"])
    assert text == free[: free.index(stop)]
    assert finish.reason is FinishReason.STOP
    assert finish.usage.completion_tokens < 24
    assert serving.stats()[CHAT].running == 0


def test_cancelling_ends_the_job_with_what_it_cost(serving: Serving) -> None:
    serving.submit(chat("gone"))
    serving.submit(chat("stays"))
    for _ in range(6):
        serving.step()
    serving.cancel("gone")
    assert serving.stats()[CHAT].running == 1
    outputs = drain(serving)
    assert outputs["gone"] == [Finish(FinishReason.CANCELLED, Usage(38, 6))]
    assert told(outputs["stays"])[1].reason is FinishReason.LENGTH
    serving.cancel("gone")
    serving.cancel("never was")
    assert serving.idle


def test_a_continuation_takes_plain_text(serving: Serving) -> None:
    serving.submit(Generation("job", CHAT, GREEDY, text="The first three letters of the alphabet are A, B and"))
    text, finish = told(drain(serving)["job"])
    assert text.startswith(" C")
    assert finish.usage.prompt_tokens == 12


def test_the_same_seed_gives_the_same_answer_in_any_company(serving: Serving) -> None:
    warm = Sampling(max_tokens=12, temperature=1.0, top_p=0.95, seed=42)
    serving.submit(chat("alone", warm))
    alone = told(drain(serving)["alone"])
    for index in range(5):
        serving.submit(chat(f"other {index}", Sampling(max_tokens=4 + index, seed=index)))
    serving.submit(chat("crowd", warm))
    assert told(drain(serving)["crowd"]) == alone


def test_embeddings_come_back_in_order_and_leave_answers_running(serving: Serving) -> None:
    texts = tuple(f"{'word ' * (index % 7)}number {index}" for index in range(150))
    serving.submit(chat("job"))
    serving.submit_embedding(EmbeddingBatch("many", EMBEDDING, texts))
    longest_wait, wait = 0, 0
    vectors: tuple[tuple[float, ...], ...] = ()
    while not serving.idle:
        outputs = serving.step()
        wait = 0 if any(name == "job" for name, _ in outputs) else wait + 1
        longest_wait = max(longest_wait, wait if serving.stats()[CHAT].running else 0)
        vectors = next((output.vectors for _, output in outputs if isinstance(output, Embeddings)), vectors)
    assert longest_wait <= 2
    assert len(vectors) == 150
    for index in (0, 77, 149):
        serving.submit_embedding(EmbeddingBatch("one", EMBEDDING, (texts[index],)))
        (alone,) = drain(serving)["one"]
        assert isinstance(alone, Embeddings)
        assert alone.vectors[0] == pytest.approx(vectors[index], abs=1e-5)


def test_embeddings_count_every_token_and_can_be_cancelled(serving: Serving) -> None:
    serving.submit_embedding(EmbeddingBatch("two", EMBEDDING, ("hello", "hello world")))
    (embedded,) = drain(serving)["two"]
    assert isinstance(embedded, Embeddings)
    assert embedded.usage == Usage(3 + 4, 0)
    serving.submit_embedding(EmbeddingBatch("gone", EMBEDDING, ("word " * 200,) * 9))
    serving.step()
    serving.cancel("gone")
    (finish,) = drain(serving)["gone"]
    assert isinstance(finish, Finish)
    assert finish.reason is FinishReason.CANCELLED
    assert finish.usage.prompt_tokens == 2 * 202


@pytest.mark.slow
def test_an_answer_that_fills_the_context_ends_there(serving: Serving) -> None:
    serving.submit(Generation("full", CHAT, Sampling(temperature=0.0), text="word " * 2044))
    _, finish = told(drain(serving)["full"])
    assert finish.reason is FinishReason.LENGTH
    assert finish.usage.prompt_tokens + finish.usage.completion_tokens == 2048


BAD: list[tuple[Callable[[Serving], None], type[HearthError], str]] = [
    (lambda s: s.submit(Generation("x", "gpt-9", GREEDY, messages=STORY)), ModelNotFound, "model"),
    (lambda s: s.submit(Generation("x", EMBEDDING, GREEDY, messages=STORY)), ModelNotFound, "model"),
    (lambda s: s.submit_embedding(EmbeddingBatch("x", CHAT, ("text",))), ModelNotFound, "model"),
    (lambda s: s.submit(Generation("x", CHAT, GREEDY)), RequestError, "messages"),
    (lambda s: s.submit(Generation("x", CHAT, GREEDY, messages=STORY, text="both")), RequestError, "messages"),
    (lambda s: s.submit(Generation("x", CHAT, GREEDY, text="")), RequestError, "prompt"),
    (lambda s: s.submit(Generation("x", CHAT, GREEDY, text="\ud800")), RequestError, "prompt"),
    (lambda s: s.submit(chat("x", messages=(Message("user", "\udfff"),))), RequestError, "messages"),
    (lambda s: s.submit(chat("x", messages=(Message(cast("Role", "tool"), "x"),))), RequestError, "messages"),
    (lambda s: s.submit(chat("x", messages=(Message("user", "word " * 2100),))), ContextOverflow, "messages"),
    (lambda s: s.submit(Generation("x", CHAT, GREEDY, text="word " * 2048)), ContextOverflow, "prompt"),
    (lambda s: s.submit_embedding(EmbeddingBatch("x", EMBEDDING, ())), RequestError, "input"),
    (lambda s: s.submit_embedding(EmbeddingBatch("x", EMBEDDING, ("fine", ""))), RequestError, "input"),
    (lambda s: s.submit_embedding(EmbeddingBatch("x", EMBEDDING, ("\ud800",))), RequestError, "input"),
    (lambda s: s.submit_embedding(EmbeddingBatch("x", EMBEDDING, ("word " * 255,))), ContextOverflow, "input"),
]


@pytest.mark.parametrize(("submit", "error", "parameter"), BAD)
def test_a_job_that_cannot_run_is_refused_with_its_parameter(
    submit: Callable[[Serving], None], error: type[HearthError], parameter: str, serving: Serving
) -> None:
    with pytest.raises(error) as caught:
        submit(serving)
    assert isinstance(caught.value, RequestError)
    assert caught.value.parameter == parameter
    assert serving.idle


@pytest.mark.parametrize(
    ("sampling", "parameter"),
    [
        (Sampling(max_tokens=0), "max_tokens"),
        (Sampling(max_tokens=1025), "max_tokens"),
        (Sampling(temperature=float("nan")), "temperature"),
        (Sampling(temperature=-1.0), "temperature"),
        (Sampling(temperature=float("inf")), "temperature"),
        (Sampling(top_p=0.0), "top_p"),
        (Sampling(top_p=1.1), "top_p"),
        (Sampling(min_p=-0.1), "min_p"),
        (Sampling(top_k=-1), "top_k"),
        (Sampling(seed=2**63), "seed"),
        (Sampling(stop=("",)), "stop"),
        (Sampling(stop=("x",) * 17), "stop"),
        (Sampling(stop=("x" * 257,)), "stop"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(sampling: Sampling, parameter: str, serving: Serving) -> None:
    with pytest.raises(RequestError) as caught:
        serving.submit(chat("x", sampling))
    assert caught.value.parameter == parameter


def test_a_job_id_is_used_once_at_a_time(serving: Serving) -> None:
    serving.submit(chat("same", Sampling(max_tokens=1)))
    with pytest.raises(RequestError, match="already running"):
        serving.submit(chat("same"))
    with pytest.raises(RequestError, match="already running"):
        serving.submit_embedding(EmbeddingBatch("same", EMBEDDING, ("text",)))
    drain(serving)
    serving.submit(chat("same", Sampling(max_tokens=1)))
    drain(serving)


def test_a_model_whose_files_belong_to_another_is_refused(store: ModelStore, tmp_path: Path) -> None:
    entry = bundled_catalogue().entry(CHAT)
    with pytest.raises(ModelCorrupt, match=r"config\.json"):
        Serving().load(entry, store.folder_of(EMBEDDING))
    with pytest.raises(ModelCorrupt, match=r"config\.json"):
        Serving().load(entry, tmp_path)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(store.folder_of(CHAT) / name)
    (tmp_path / "tokenizer.json").symlink_to(store.folder_of(EMBEDDING) / "tokenizer.json")
    with pytest.raises(ModelCorrupt, match=r"tokenizer\.json"):
        Serving().load(entry, tmp_path)
    with pytest.raises(ModelCorrupt, match="shorter"):
        Serving().load(msgspec.structs.replace(entry, context_tokens=9000), store.folder_of(CHAT))


def test_the_device_computes() -> None:
    Serving().self_check()
    with pytest.raises(WorkerError, match="does not compute"):
        Serving(device="meta").self_check()


def test_a_card_with_too_little_memory_is_told_in_words(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nAnd pages of advice.")

    monkeypatch.setattr(ChatLane, "load", load)  # no card is at hand that could be filled

    with pytest.raises(
        WorkerError, match=r"does not fit.*Tried to allocate 2\.00 GiB\. Offer a smaller model"
    ) as told_so:
        Serving().load(bundled_catalogue().entry(CHAT), store.folder_of(CHAT))
    assert "pages" not in str(told_so.value)


def test_a_card_is_kept_within_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[tuple[float, torch.device]] = []
    module = SimpleNamespace(
        get_device_properties=lambda _: SimpleNamespace(total_memory=16 << 30),
        set_per_process_memory_fraction=lambda share, device: shares.append((share, device)),
    )
    monkeypatch.setattr(torch, "get_device_module", lambda _: module)  # no card is at hand
    card = torch.device("cuda:0")

    for budget in (8 << 30, 64 << 30, 1 << 20, None):
        Serving(device="cuda:0", memory_bytes=budget)
    Serving(device="cpu", memory_bytes=8 << 30)

    assert shares == [((8 << 30) / (16 << 30) - CONTEXT_BYTES / (16 << 30), card), (1.0, card), (0.0, card)]
