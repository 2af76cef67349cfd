"""Rows of an encoder-decoder model: the same loss in one piece and in several."""

import pytest

pytestmark = pytest.mark.integration


def test_prompts_and_answers_are_padded_apart_and_the_losses_of_rows_add_up() -> None:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from extune.train.pairs import piece, sum_answer_loss
    from extune.train.rows import MASKED, Tokenised

    rows = [
        Tokenised("a", [5, 6, 7, 8, 9], [MASKED, MASKED, MASKED, 8, 9]),
        Tokenised("b", [5, 4, 3, 2], [MASKED, 4, 3, 2]),
    ]
    given = piece(rows, 0)
    assert given["input_ids"].tolist() == [[5, 6, 7], [5, 0, 0]]
    assert given["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert given["labels"].tolist() == [[8, 9, MASKED], [4, 3, 2]]
    small = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 12}
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config(**small, decoder_start_token_id=0)).eval()
    mean = model(**given).loss
    sum_answer_loss(model)
    together = model(**given)["loss"]
    torch.testing.assert_close(together, mean * 5)
    torch.testing.assert_close(together, sum(model(**piece([row], 0))["loss"] for row in rows))


def test_a_piece_without_an_answer_adds_nothing() -> None:
    """A process that has no row of a step takes part in it all the same."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from extune.train.pairs import piece, sum_answer_loss
    from extune.train.rows import MASKED, Tokenised

    small = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 12}
    model = T5ForConditionalGeneration(T5Config(**small, decoder_start_token_id=0))
    sum_answer_loss(model)
    blank = piece([Tokenised("", [5, 6, 7], [MASKED] * 3)], 0)
    loss = model(**blank)["loss"]
    loss.backward()
    assert loss.item() == 0
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in model.parameters() if p.grad is not None)
