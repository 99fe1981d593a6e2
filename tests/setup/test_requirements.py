from desktop.setup.requirements import extras


def test_a_worker_needs_torch_pinned_and_nothing_of_the_app() -> None:
    found = extras("worker", "models")

    assert {line.partition("==")[0] for line in found} == {"numpy", "safetensors", "tokenizers", "torch", "gguf"}
    assert all("==" in line for line in found)


def test_an_extra_nobody_declares_is_empty() -> None:
    assert extras("none") == ()
