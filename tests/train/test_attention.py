"""Rows that lie end to end are computed as each alone: no row sees another, in value or in gradient."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

TINY = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2,
}  # fmt: skip


def rows(*texts: list[int]) -> list[Any]:
    from extune.train.rows import Tokenised

    return [Tokenised(str(n), list(ids), list(ids)) for n, ids in enumerate(texts)]


def packed(model: Any, texts: list[Any], bucketed: bool = False) -> list[Any]:
    """Last hidden states of each row out of one piece."""
    import torch

    from extune.train.batches import piece

    given = piece(texts, True, 0, bucketed)
    del given["answers"], given["labels"]
    with torch.no_grad():
        out = model.base_model(**given, use_cache=False).last_hidden_state[0]
    return list(out[: sum(len(row.input_ids) for row in texts)].split([len(row.input_ids) for row in texts]))


def alone(model: Any, texts: list[Any]) -> list[Any]:
    """The same of each row by itself, by the model's own attention."""
    import torch

    with torch.no_grad():
        return [model.base_model(torch.tensor([row.input_ids]), use_cache=False).last_hidden_state[0] for row in texts]


def begun_alike() -> list[Any]:
    """Rows with a tree of beginnings: some of one token, one row twice, one the beginning of another."""
    first, second, *rest = (row.input_ids for row in dice(30, 12, 3, 25, 300))
    return rows(*(first + end for end in rest), first, first, second + rest[0], second + rest[1], [first[0]])


def once(model: Any, texts: list[Any]) -> list[Any]:
    """Last hidden states of each row out of one piece that has their common beginnings once."""
    import torch

    from extune.footprint import shared
    from extune.train.batches import piece

    given = piece(texts, True, 0, prefixes=True)
    del given["answers"], given["labels"]
    with torch.no_grad():
        out = model.base_model(**given, use_cache=False).last_hidden_state[0]
    parts = out[given["places"]].split(given["cu_seq_lens_k"].diff().tolist())
    order = [number for number, _ in shared([row.input_ids for row in texts])]
    return [parts[order.index(number)] for number in range(len(texts))]


def load(folder: Path) -> Any:
    from extune.model import Base, load_base

    return load_base(Base(str(folder), {}, dtype="float32")).eval()


def dice(*lengths: int, top: int = 60) -> list[Any]:
    import random

    rng = random.Random(4)
    return rows(*([rng.randrange(3, top) for _ in range(length)] for length in lengths))


@pytest.mark.parametrize(("fixture", "lengths"), [("tiny_base", (40, 1, 300, 7, 2)), ("embedded_base", (31, 1, 52, 8))])
def test_hidden_states_and_logits_of_packed_rows_are_those_of_each_alone(
    fixture: str, lengths: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    import torch

    from extune.train.attention import use

    model, texts = load(request.getfixturevalue(fixture)), dice(*lengths, top=250)
    wanted = alone(model, texts)
    use(model)
    found = packed(model, texts)
    head = model.get_output_embeddings()
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(head(ours), head(theirs), rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(packed(model, texts, bucketed=True), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_bfloat16_rounds_packed_rows_no_more_than_each_alone(embedded_base: Path) -> None:
    """By how far hidden states are from those in float32: some 2 % either way."""
    import torch

    from extune.train.attention import use

    model, texts = load(embedded_base), dice(31, 12, 25, top=250)
    exact = torch.cat(alone(model, texts))
    model.to(torch.bfloat16)
    plain = torch.cat(alone(model, texts)).float()
    use(model)
    ours = torch.cat(packed(model, texts)).float()
    assert (ours - exact).norm() < 1.2 * (plain - exact).norm() < 0.1 * exact.norm()


@pytest.mark.parametrize("fixture", ["tiny_base", "embedded_base"])
def test_no_row_changes_when_its_neighbours_are_replaced(fixture: str, request: pytest.FixtureRequest) -> None:
    import torch

    from extune.train.attention import use

    model, (first, second, third) = load(request.getfixturevalue(fixture)), dice(12, 9, 15, top=250)
    use(model)
    other = rows([second.input_ids[0] + 1] * 9)[0]
    before, after = packed(model, [first, second, third]), packed(model, [first, other, third])
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[2], after[2])
    assert not torch.allclose(before[1], after[1])
    moved = packed(model, [third, first])
    torch.testing.assert_close(moved, [before[2], before[0]], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fixture", ["tiny_base", "embedded_base"])
def test_rows_that_begin_alike_are_computed_as_each_alone(fixture: str, request: pytest.FixtureRequest) -> None:
    import torch

    from extune.train.attention import use

    model, texts = load(request.getfixturevalue(fixture)), begun_alike()
    wanted = alone(model, texts)
    use(model)
    torch.testing.assert_close(once(model, texts), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_common_beginning_gets_the_gradients_of_all_its_rows(tiny_base: Path, recompute: bool) -> None:
    import torch

    from extune.train.attention import use
    from extune.train.batches import piece

    model, texts = load(tiny_base).train(), begun_alike()
    model.requires_grad_(True)
    use(model)
    if recompute:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    found = []
    for prefixes in (False, True):
        given = piece(texts, True, 0, prefixes=prefixes)
        answers, labels = given.pop("answers"), given.pop("labels")
        model.zero_grad()
        hidden = model.base_model(**given, use_cache=False).last_hidden_state[0]
        logits = model.get_output_embeddings()(hidden[answers])
        torch.nn.functional.cross_entropy(logits, labels, reduction="sum").backward()
        found.append({name: value.grad for name, value in model.named_parameters()})
    for name, plain in found[0].items():
        torch.testing.assert_close(found[1][name], plain, rtol=1e-3, atol=1e-4 * float(plain.abs().max()), msg=name)


def test_no_gradient_crosses_from_a_row_into_another(tiny_base: Path) -> None:
    from extune.train.attention import use
    from extune.train.batches import piece

    model, texts = load(tiny_base), dice(6, 9, 5)
    use(model)
    given = piece(texts, True, 0)
    ids, _, _ = given.pop("input_ids"), given.pop("answers"), given.pop("labels")
    embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
    out = model.base_model(inputs_embeds=embedded, **given, use_cache=False).last_hidden_state
    out[0, 6:15].square().sum().backward()
    reached = embedded.grad[0].abs().sum(-1) > 0
    assert reached.tolist() == [False] * 6 + [True] * 9 + [False] * 5


# Which families can be given rows so: where `fits` says yes, it has to be true.

FAMILIES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "llama": ("LlamaConfig", {}, True),
    "mistral": ("MistralConfig", {"sliding_window": None}, True),
    "mistral, window as long": ("MistralConfig", {"sliding_window": 64}, True),
    "mistral, window shorter": ("MistralConfig", {"sliding_window": 16}, False),
    "qwen2": ("Qwen2Config", {"sliding_window": 16, "use_sliding_window": False}, True),
    "qwen3": ("Qwen3Config", {}, True),
    "smollm3": ("SmolLM3Config", {}, True),
    "glm4": ("Glm4Config", {}, True),
    "gemma": ("GemmaConfig", {}, True),
    "gemma2": ("Gemma2Config", {"sliding_window": 64}, False),
    "gemma3": ("Gemma3TextConfig", {"sliding_window": 64}, True),
    "gemma3, window shorter": ("Gemma3TextConfig", {"sliding_window": 16}, False),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_that_fits_computes_packed_rows_as_each_alone(name: str) -> None:
    import torch
    import transformers

    from extune.train.attention import fits, use

    kind, values, expected = FAMILIES[name]
    torch.manual_seed(0)
    config = getattr(transformers, kind)(**TINY, **values)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    assert fits(model, 64) is expected
    if expected:
        texts = dice(20, 3, 31)
        wanted = alone(model, texts)
        use(model)
        torch.testing.assert_close(packed(model, texts), wanted, rtol=1e-4, atol=1e-4)
        begun = [row for row in begun_alike() if len(row.input_ids) <= 64]
        torch.testing.assert_close(once(model, begun), alone_as_before(model, begun), rtol=1e-4, atol=1e-4)


def alone_as_before(model: Any, texts: list[Any]) -> list[Any]:
    """Each row by itself, by the attention that rows end to end have."""
    return [packed(model, [row])[0] for row in texts]


def test_models_with_an_attention_or_a_memory_of_their_own_do_not_fit() -> None:
    import torch
    import transformers

    from extune.train.attention import fits

    t5 = transformers.T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, vocab_size=12)
    with torch.device("meta"):
        assert not fits(transformers.T5ForConditionalGeneration(t5), 64)
        bloom = transformers.BloomConfig(vocab_size=12, hidden_size=32, n_layer=1, n_head=4)
        assert not fits(transformers.BloomForCausalLM(bloom), 64)
        falcon = transformers.FalconConfig(vocab_size=12, hidden_size=32, num_hidden_layers=1, num_attention_heads=4)
        assert not fits(transformers.FalconForCausalLM(falcon), 64)


@pytest.mark.gpu
@pytest.mark.parametrize("heads", [4, 2])
def test_on_a_gpu_flash_attention_of_rows_is_each_rows_own_attention(heads: int) -> None:
    """bfloat16 against the CPU's float32, value and gradient; rows of 1 to 700 tokens, some of them empty."""
    import torch

    from extune.train.attention import rows_attention

    torch.manual_seed(0)
    bounds = torch.tensor([0, 40, 41, 741, 800, 800], dtype=torch.int32)
    shapes = [(1, count, 800, 64) for count in (4, heads, heads)]
    found = []
    for device, kind in (("cpu", torch.float32), ("cuda", torch.bfloat16)):
        torch.manual_seed(1)
        given = [torch.randn(shape).bfloat16().to(device, kind).requires_grad_() for shape in shapes]
        out, _ = rows_attention(None, *given, None, cu_seq_lens_q=bounds.to(device), max_length_q=1024, scaling=0.1)
        out.square().sum().backward()
        found.append([t.float().cpu() for t in (out.detach(), *(g.grad for g in given))])
    for ours, exact in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, exact, rtol=0.02, atol=0.02 * float(exact.abs().max()))


@pytest.mark.gpu
@pytest.mark.parametrize("heads", [4, 2])
def test_on_a_gpu_flash_attention_sees_what_rows_begin_with_in_common(heads: int) -> None:
    """As above: a row's own tokens are the last of those it sees. 300 of 1,100 tokens are common to three rows."""
    import torch

    from extune.train.attention import rows_attention

    own = torch.tensor([0, 400, 401, 500], dtype=torch.int32)
    whole = torch.tensor([0, 400, 701, 1100], dtype=torch.int32)
    places = torch.tensor([*range(400), *range(300), 400, *range(300), *range(401, 500)])
    found = []
    for device, kind in (("cpu", torch.float32), ("cuda", torch.bfloat16)):
        torch.manual_seed(1)
        given = [
            torch.randn(1, count, 500, 64).bfloat16().to(device, kind).requires_grad_() for count in (4, heads, heads)
        ]
        out, _ = rows_attention(
            None, *given, None, cu_seq_lens_q=own.to(device), cu_seq_lens_k=whole.to(device), places=places.to(device),
            max_length_q=512, scaling=0.1,
        )  # fmt: skip
        out.square().sum().backward()
        found.append([t.float().cpu() for t in (out.detach(), *(g.grad for g in given))])
    for ours, exact in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, exact, rtol=0.02, atol=0.02 * float(exact.abs().max()))
