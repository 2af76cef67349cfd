"""What is printed after the pipeline: its figures, where the model is, what to try next."""

from pathlib import Path

import pytest

from extune.errors import DataError
from extune.files import write_json
from extune.overview import overview
from extune.records import Entity, Record
from extune.score import count_problems, score, summary
from extune.tasks import TASKS


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A project whose pipeline has run: one of two entities found, no answer unread."""
    gold = Record("1", "Ann, Bo", entities=(Entity("Ann", "PER"), Entity("Bo", "PER")))
    found = Record("1", "Ann, Bo", entities=(Entity("Ann", "PER"),))
    figures = summary(score([(gold, found)], TASKS["NER"]), count_problems([()]), 10, 0) | {"baseline_f1": 0.25}
    write_json(tmp_path / "metrics" / "eval.json", {"test": figures})
    write_json(tmp_path / "models" / "registered.json", {"name": "extune", "version": "3"})
    return tmp_path


def test_the_figures_stand_under_their_names(done: Path) -> None:
    names, figures, *_ = overview(done).splitlines()
    assert names.split() == "split F1 95 % interval memorising exact valid invented texts".split()
    assert figures.split() == "test 66.7 66.7 to 66.7 25.0 0.0 100.0% 0 1".split()
    assert figures.index("66.7") + 4 == names.index("F1") + 2
    assert figures.endswith(" 1")
    assert len(figures) == len(names)


def test_the_registered_version_is_named_and_promoted_in_the_next_steps(done: Path) -> None:
    text = overview(done)
    assert "registered: models:/extune/3\n" in text
    assert "  extune promote 3 --why " in text


def test_commands_are_named_where_they_are_installed(done: Path) -> None:
    (done / ".venv" / "bin").mkdir(parents=True)
    (done / ".venv" / "bin" / "extune").touch()
    assert "  .venv/bin/extune chat " in overview(done)


def test_seconds_come_in_the_order_of_the_pipeline(done: Path) -> None:
    write_json(done / ".cache" / "seconds.json", {"train": 61.4, "base": 3.0, "generate": 2.4})
    assert "seconds: base 3, generate 2, train 61; in all 67\n" in overview(done)


@pytest.mark.parametrize("name", ["metrics/eval.json", "models/registered.json"])
def test_a_pipeline_that_has_not_run_is_said_to_be_the_reason(done: Path, name: str) -> None:
    (done / name).unlink()
    with pytest.raises(DataError, match=rf"{name}: file not found\. Run `dvc repro`"):
        overview(done)
