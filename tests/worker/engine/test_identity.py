"""The bundled model against transformers reading the original file: the same tokens, alone and in a crowd."""

from __future__ import annotations

import pytest

from desktop.domain.inference import Message
from desktop.worker.engine.sampler import Choice
from desktop.worker.engine.torch_engine import TorchEngine
from desktop.worker.models.store import ModelStore
from desktop.worker.text.template import ChatTemplate
from desktop.worker.text.tokenizer import Tokenizer
from tests.fakes.bundled_models import CHAT, bundled_catalogue
from tests.worker.engine.drive import finish, request
from tests.worker.engine.reference import greedy, reference_model, reference_tokenizer

TOKENS = 16
QUESTIONS = (
    "What is the capital of France?",
    "Write a haiku about the sea.",
    "Explain photosynthesis to a child.",
    "List three prime numbers.",
    "Translate 'good morning' into Spanish.",
    "What is 12 times 8?",
    "Who wrote Hamlet?",
    "Give me a recipe for pancakes.",
    "Why is the sky blue?",
    "Name a famous mathematician.",
    "How do I sort a list in Python?",
    "Describe a hedgehog.",
    "What does HTTP stand for?",
    "Tell me a joke.",
    "Summarise the plot of Cinderella in one sentence.",
    "What is the boiling point of water?",
    "Finish the sentence: the early bird",
    "What should I pack for a hike in the mountains in autumn, when it may rain or even snow at night?",
    "How many legs does a spider have?",
    "Say hello in four languages.",
)


@pytest.fixture(scope="module")
def prompts(store: ModelStore) -> list[list[int]]:
    template = ChatTemplate(bundled_catalogue().entry(CHAT).chat_template, Tokenizer(store.folder_of(CHAT)))
    return [template.encode([Message("user", question)]) for question in QUESTIONS]


@pytest.mark.slow
def test_greedy_answers_are_those_of_transformers_alone_and_batched(
    engine: TorchEngine, prompts: list[list[int]]
) -> None:
    reference, their_tokenizer = reference_model(), reference_tokenizer()
    end = their_tokenizer.eos_token_id
    expected = {}
    for index, (question, prompt) in enumerate(zip(QUESTIONS, prompts, strict=True)):
        chat = [{"role": "user", "content": question}]
        assert their_tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False) == prompt
        expected[str(index)] = greedy(reference, prompt, TOKENS, end)
    requests = [request(str(index), prompt, TOKENS, stop_tokens=[end]) for index, prompt in enumerate(prompts)]
    alone: dict[str, list[int]] = {}
    for each in requests:
        alone |= finish(engine, [each])
    assert alone == expected
    assert finish(engine, requests) == expected
    assert finish(engine, requests, stagger=2) == expected


@pytest.mark.slow
def test_sampled_answers_are_the_same_alone_and_batched(engine: TorchEngine, prompts: list[list[int]]) -> None:
    choices = [
        Choice(temperature=0.8, seed=1),
        Choice(temperature=1.0, seed=2, top_p=0.9),
        Choice(temperature=1.3, seed=3, top_k=40),
        Choice(temperature=1.0, seed=4, min_p=0.05),
        Choice(temperature=0.7, seed=5, top_p=0.8, top_k=20, min_p=0.01),
        Choice(),
        Choice(temperature=1.0, seed=6),
        Choice(temperature=1.0, seed=7),
    ]
    requests = [
        request(str(index), prompt, 16, choice)
        for index, (prompt, choice) in enumerate(zip(prompts, choices, strict=False))
    ]
    alone: dict[str, list[int]] = {}
    for each in requests:
        alone |= finish(engine, [each])
    assert finish(engine, requests) == alone
    assert finish(engine, requests, stagger=3) == alone
    reseeded = request("0", prompts[0], 16, Choice(temperature=0.8, seed=99))
    assert finish(engine, [reseeded])["0"] != alone["0"]
