"""The best weights by dev F1: chosen, kept through an interruption, put back, and looked for without a trace."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from extune.errors import ConfigError
from extune.extract import Answer
from extune.records import Record
from extune.train.best import Best, Looking


def drive(scores: list[float], patience: int | None = None, every: float = 1, steps: int = 9) -> Any:
    """A training whose step adds 1 to the only weight, and what came of it; `scores` are those of the looks."""
    model, told, rest = torch.nn.Linear(1, 1, bias=False), [], iter(scores)
    torch.nn.init.zeros_(model.weight)
    best = Best(lambda _: next(rest), every, patience, lambda step, row: told.append((step, row["dev.f1"])))
    state = SimpleNamespace(global_step=0, is_world_process_zero=True, log_history=[])
    control = SimpleNamespace(should_training_stop=False)
    given = {"model": model, "train_dataloader": range(6)}
    best.on_train_begin(None, state, control, **given)
    while state.global_step < steps and not control.should_training_stop:
        best.on_step_begin(None, state, control, **given)
        model.weight.data += 1
        state.global_step += 1
    best.on_train_end(None, state, control, **given)
    return SimpleNamespace(weight=model.weight.item(), told=told, steps=state.global_step, best=best, state=state)


def test_the_weights_of_the_best_look_are_put_back() -> None:
    done = drive([0.1, 0.6, 0.4, 0.6, 0.5], every=2)
    assert done.weight == 4
    assert done.best.figures == {"best_step": 4.0, "best_f1": 0.6}
    assert done.told == [(2, 0.1), (4, 0.6), (6, 0.4), (8, 0.6), (9, 0.5)]
    assert done.state.log_history[1] == {"step": 4, "dev.f1": 0.6}


def test_the_last_weights_are_looked_at_too_and_stay_where_they_are_best() -> None:
    done = drive([0.1, 0.2, 0.9], every=4)
    assert done.told[-1] == (9, 0.9)
    assert done.weight == 9


def test_training_stops_after_so_many_looks_without_a_rise() -> None:
    done = drive([0.1, 0.5, 0.5, 0.4], patience=2)
    assert done.told == [(1, 0.1), (2, 0.5), (3, 0.5), (4, 0.4)]
    assert done.steps == 5, "the step that had begun is taken"
    assert done.weight == 2
    assert drive([0.1, 0.5, 0.4, 0.6, 0.5, 0.5], patience=2).steps == 7, "a rise begins the count anew"


def test_weights_that_find_nothing_are_never_the_best(caplog: pytest.LogCaptureFixture) -> None:
    done = drive([0.0] * 9)
    assert done.weight == 9
    assert done.best.figures == {}
    assert "no look at the model found anything" in caplog.text


@pytest.mark.parametrize(("every", "steps"), [(0.5, [3, 6, 9]), (0.01, list(range(1, 10))), (4, [4, 8, 9])])
def test_a_number_below_one_is_a_share_of_an_epoch(every: float, steps: list[int]) -> None:
    assert [step for step, _ in drive([0.5] * 9, every=every).told] == steps


def test_a_look_is_not_made_twice_at_one_step_nor_told_twice_in_the_history() -> None:
    best = Best(lambda _: 0.5, 1, None, lambda step, row: None)
    model, row = torch.nn.Linear(1, 1), {"step": 3, "dev.f1": 0.5}
    state = SimpleNamespace(global_step=3, is_world_process_zero=True, log_history=[row])
    before = best.kept
    for _ in range(2):
        best.on_step_begin(None, state, SimpleNamespace(should_training_stop=False), model=model)
    assert state.log_history == [row]
    assert before["looked"] == 0, "what a checkpoint may hold is not changed"
    assert best.kept["poor"] == 0


def test_a_prefix_of_a_model_in_parts_over_processes_is_refused() -> None:
    model = torch.nn.Linear(1, 1)
    model.weight.ds_id = 1  # type: ignore[attr-defined]
    model.active_peft_config = SimpleNamespace(is_prompt_learning=True)  # type: ignore[assignment]
    best = Best(lambda _: 0.5, 1, None, lambda step, row: None)
    with pytest.raises(ConfigError, match="no process holds the whole model"):
        best.on_train_begin(None, None, None, model=model, train_dataloader=[])


LORA = {"r": 4, "target_modules": "all-linear", "lora_dropout": 0.1}


@pytest.fixture
def model(tiny_base: Path) -> Any:
    """A LoRA model made ready for training on rows end to end."""
    from peft import LoraConfig, get_peft_model

    from extune.model import Base, load_base
    from extune.train.speed import Choice
    from extune.train.trainer import prepare

    made = get_peft_model(
        load_base(Base(str(tiny_base), {}, dtype="float32")), LoraConfig(task_type="CAUSAL_LM", **LORA)
    )
    prepare(made, Choice(True, False, True, 0, False, False, 4096))
    return made.train()


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_a_model_is_as_it_was_after_it_has_answered_even_when_that_failed(model: Any) -> None:
    from extune.train.best import answering

    def facts() -> Any:
        modes = [module.training for module in model.modules()]
        return model.get_base_model().config._attn_implementation, modes, torch.get_rng_state().tolist()

    before = facts()
    assert before[0] == "extune_rows"

    def answer() -> None:
        with answering(model) as ready:
            assert ready.config._attn_implementation == "sdpa"
            assert not any(module.training for module in model.modules())
            torch.rand(3)
            raise KeyError

    with pytest.raises(KeyError):
        answer()
    assert facts() == before


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_a_model_in_training_answers_as_the_adapter_it_would_be_saved_as(
    model: Any, tiny_base: Path, tmp_path: Path, looking: Looking
) -> None:
    from extune.adapters import save_adapter
    from extune.decode import LocalGenerator
    from extune.extract import Extractor
    from extune.model import Base, load_encoder, load_for_answers
    from extune.train.best import answering

    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.3)
    save_adapter(model, tmp_path / "adapter", "tiny")
    base = Base(str(tiny_base), {}, dtype="float32")
    encoder = load_encoder(base)
    with answering(model) as ready:
        here = Extractor(LocalGenerator(ready, encoder, 40), looking.prompt)(looking.records)
    served = load_for_answers(base, tmp_path / "adapter")
    there = Extractor(LocalGenerator(served, encoder, 40), looking.prompt)(looking.records)
    assert [found.raw for found in here] == [found.raw for found in there]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_processes_share_the_texts_and_get_the_same_number(
    model: Any, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, looking: Looking
) -> None:
    from extune.model import Base, load_encoder
    from extune.score import Counts
    from extune.train import best

    asked: list[list[str]] = []
    encoder = load_encoder(Base(str(tiny_base), {}))

    def perfect(model: Any, records: Any, *given: Any) -> list[Record]:
        asked.append([record.id for record in records])
        return list(records)

    def gather(into: list[Any], mine: Counts) -> None:
        into[:] = [Counts(tp=0, predicted=0, gold=2), mine]

    monkeypatch.setattr(best, "_extracted", perfect)
    assert best.dev_f1(model, looking, encoder, 40) == 1
    for name, value in (("is_initialized", True), ("get_rank", 1), ("get_world_size", 2)):
        monkeypatch.setattr(torch.distributed, name, lambda value=value: value)
    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    assert best.dev_f1(model, looking, encoder, 40) == 0.5, "1 of 3 found, nothing wrong"
    assert asked == [["d0", "d1", "d2"], ["d1"]]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_fewer_texts_are_answered_at_once_where_memory_runs_out(
    model: Any, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, looking: Looking
) -> None:
    from extune.decode import LocalGenerator
    from extune.model import Base, load_encoder
    from extune.train import best

    sizes: list[int] = []

    def answer(self: Any, chats: Any, grammars: Any) -> Any:
        sizes.append(self.batch_size)
        if self.batch_size > 8:
            raise torch.OutOfMemoryError
        return [Answer("") for _ in chats]

    monkeypatch.setattr(LocalGenerator, "__call__", answer)
    encoder = load_encoder(Base(str(tiny_base), {}))
    assert best.dev_f1(model, looking, encoder, 40) == 0
    assert sizes == [32, 16, 8]
