"""The loss of the answer rows alone is that of torch, transformers and TRL, in value and in gradient."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

ANSWERS = [3, 0, 25, 7, 8, 9, 20, 11, 12, 13, 2]
LABELS = [1, 4, -100, 16, 3, 3, -100, 0, 9, 10, 2]


def scored(head: Any, scale: float = 1.0, dtype: Any = None) -> tuple[Any, Any, Any]:
    """Ours, the library's over whole logits, and the gradients of both to the hidden states."""
    import torch
    from torch.nn.functional import cross_entropy

    from extune.train.loss import answer_loss

    torch.manual_seed(0)
    start, answers, labels = torch.randn(2, 13, 8, dtype=dtype), torch.tensor(ANSWERS), torch.tensor(LABELS)
    hidden, plain = start.clone().requires_grad_(), start.clone().requires_grad_()
    ours = answer_loss(hidden, answers, labels, head)
    everywhere = torch.full((26,), -100).scatter(0, answers, labels)
    theirs = cross_entropy(head(plain).float().reshape(26, -1), everywhere, reduction="sum")
    (ours * scale).backward()
    (theirs * scale).backward()
    return ours, theirs, (hidden.grad, plain.grad)


@pytest.mark.parametrize("chunk", [1, 4, 2048])
@pytest.mark.parametrize("bias", [False, True])
def test_a_frozen_heads_loss_and_gradient_are_torchs(monkeypatch: pytest.MonkeyPatch, chunk: int, bias: bool) -> None:
    import torch

    from extune.train import loss

    monkeypatch.setattr(loss, "CHUNK", chunk)
    head = torch.nn.Linear(8, 17, bias).requires_grad_(False)
    ours, theirs, (grad, wanted) = scored(head, scale=0.3)
    assert "_Frozen" in type(ours.grad_fn).__name__
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(grad, wanted, rtol=1e-5, atol=1e-6)


def test_a_trained_head_gets_its_own_gradient() -> None:
    import torch

    head = torch.nn.Linear(8, 17)
    ours, theirs, (grad, wanted) = scored(head)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(grad, wanted, rtol=1e-5, atol=1e-6)
    assert head.weight.grad.abs().sum() > 0


def test_in_bfloat16_the_loss_is_summed_in_float32() -> None:
    import torch

    ours, theirs, (grad, wanted) = scored(
        torch.nn.Linear(8, 17, dtype=torch.bfloat16).requires_grad_(False), dtype=torch.bfloat16
    )
    assert ours.dtype is torch.float32
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(grad, wanted, rtol=2e-2, atol=1e-2)


def test_rows_without_an_answer_cost_nothing() -> None:
    import torch

    from extune.train.loss import answer_loss

    hidden = torch.randn(1, 5, 8, requires_grad=True)
    none = torch.tensor([], dtype=torch.long)
    total = answer_loss(hidden, none, none, torch.nn.Linear(8, 17).requires_grad_(False))
    total.backward()
    assert (total.item(), hidden.grad.abs().sum().item()) == (0, 0)


SMALL = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 64,
}  # fmt: skip
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "as they come": ("LlamaConfig", {}),
    "capped": ("Gemma2Config", {"final_logit_softcapping": 0.05, "sliding_window": 64}),
    "scaled": ("CohereConfig", {"logit_scale": 7.0}),
    "divided": ("GraniteConfig", {"logits_scaling": 0.1}),
}


@pytest.mark.parametrize("logits", MODELS)
def test_a_models_loss_is_its_own_whatever_it_does_to_its_logits(logits: str) -> None:
    import torch
    import transformers

    from extune.train.batches import piece
    from extune.train.loss import score_answers_only
    from extune.train.rows import MASKED, Tokenised

    kind, values = MODELS[logits]
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(getattr(transformers, kind)(**SMALL, **values)).eval()
    rows = [Tokenised(str(n), list(range(5, 9 + n)), [MASKED] * 3 + list(range(8, 9 + n))) for n in range(3)]
    ids, labels = torch.full((3, 6), 0), torch.full((3, 6), MASKED)
    for n, row in enumerate(rows):
        ids[n, : len(row.input_ids)], labels[n, : len(row.labels)] = (
            torch.tensor(row.input_ids),
            torch.tensor(row.labels),
        )
    weight = model.get_input_embeddings().weight
    theirs = model(input_ids=ids, labels=labels).loss * 6
    wanted = torch.autograd.grad(theirs, weight)[0]
    head = model.get_output_embeddings().weight
    for frozen in (False, True) if head is not weight else (False,):
        head.requires_grad_(not frozen)
        score_answers_only(model)
        ours = model(**piece(rows, False, 0))["loss"]
        grad = torch.autograd.grad(ours, weight)[0]
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(grad, wanted, rtol=1e-4, atol=1e-5)
    assert model(input_ids=ids).logits.shape == (3, 6, 40), "without answers it is the model that it was"


def test_a_step_has_the_loss_and_gradients_of_trl(tiny_base: Path, tmp_path: Path) -> None:
    """The mean over the answers' tokens of all rows, not over pieces or rows."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from trl import SFTConfig, SFTTrainer

    from extune.model import Base, load_base, load_encoder
    from extune.train.resume import Keeping
    from extune.train.rows import tokenise
    from extune.train.run import _defaults
    from extune.train.speed import Choice
    from extune.train.trainer import Trainer

    where = Base(str(tiny_base), {}, dtype="float32")
    encoder = load_encoder(where)
    turns = [("Extract: Ann founded Bolt.", "(Ann, founded, Bolt)"), ("Hi", "none"), ("Extract: x", "(x)" * 9)]
    rows = tokenise(
        [
            {"id": q, "prompt": [{"role": "user", "content": q}], "completion": [{"role": "assistant", "content": a}]}
            for q, a in turns
        ],
        encoder,
    )

    def given() -> dict[str, Any]:
        torch.manual_seed(3)
        lora = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", init_lora_weights=False)
        args = SFTConfig(**{**_defaults(tmp_path, 1), "max_length": 200})
        return {
            "model": get_peft_model(load_base(where), lora), "args": args, "processing_class": encoder.tokenizer,
        }  # fmt: skip

    data = Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
    plain = SFTTrainer(train_dataset=data, **given())
    plain.model.train()
    theirs = plain.compute_loss(plain.model, dict(plain.data_collator(list(data))))
    theirs.backward()
    choice = Choice(packed=True, cache=False, fused=True, recompute=0, compile=False, graphs=False, tokens=80)
    trainer = Trainer(rows, choice, Keeping(), **given())
    ours = trainer.training_step(trainer.model, {"rows": rows})
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)
    wanted = {name: p.grad for name, p in plain.model.named_parameters() if p.requires_grad}
    found = {name: p.grad for name, p in trainer.model.named_parameters() if p.requires_grad}
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
