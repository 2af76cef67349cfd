"""The command line: stages on real files, and a user's mistakes as one line, an exit code and no harm done."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from extune import api
from extune.errors import CheckFailed, ModelError
from extune.extract import Answer, Extractor
from extune.files import write_json
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.schema import Schema
from extune.stages import MODULES
from extune.tasks import TASKS

ROOT = Path(__file__).resolve().parents[1]
Call = Callable[..., Any]


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if ".cache" not in path.parts}


def jsonl(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project with the shipped files and no data."""
    folder = tmp_path / "project"
    for name in ("params.yaml", "MLproject", "data/relations.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


RECORDS = ["--set", "data.source=own.jsonl", "--set", "data.reader=records", "--set", "task.name=NER"]


def write_records(project: Path, good: int, bad: int) -> None:
    """Lines of an own source: so many records, then so many that are none."""
    rows = [{"id": str(n), "text": f"Ann {n}", "entities": [{"text": "Ann", "type": "PER"}]} for n in range(good)]
    lines = [*map(json.dumps, rows), *["{oops"] * bad]
    (project / "own.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def refused(extune: Call) -> Call:
    """The one line that a mistake gives; nothing may have changed in the folder."""

    def told(folder: Path, *words: str, code: int = 2) -> str:
        before = files(folder)
        done = extune(folder, *words)
        assert (done.code, done.out) == (code, ""), done
        assert done.err.startswith("extune: ")
        assert done.err.count("\n") == 1
        assert files(folder) == before
        return done.err.removeprefix("extune: ").rstrip("\n")

    return told


# ---- the stages


def test_a_stage_says_what_it_did_for_people_or_as_json(extune: Call, project: Path) -> None:
    write_records(project, good=30, bad=1)
    tolerant = ["prepare", *RECORDS, "--set", "data.max_bad=0.1"]

    told = json.loads(extune(project, *tolerant, "--json").out)
    done = extune(project, *tolerant)

    assert (told["stage"], told["quarantined"], done.code, done.err) == ("prepare", 1, 0, "")
    assert done.out == "".join(f"{key}: {value}\n" for key, value in told.items())


def test_commands_find_the_project_from_below_and_keep_the_time_apart(extune: Call, project: Path) -> None:
    write_records(project, good=30, bad=0)
    assert extune(project / "data", "prepare", *RECORDS).code == 0
    assert (project / "data" / "records" / "train.jsonl").is_file()
    assert list(json.loads((project / ".cache" / "seconds.json").read_text())) == ["prepare"]


@pytest.mark.parametrize("stage", MODULES)
def test_every_stage_checks_its_parameters_first(refused: Call, project: Path, stage: str) -> None:
    (project / "presets").mkdir()
    (project / "presets" / "small.yaml").write_text("seed: 1\n", encoding="utf-8")

    assert refused(project, stage, "--set", "data.sorce=x").endswith(
        "unknown key 'data.sorce'. Did you mean 'data.source'?"
    )
    assert refused(project, stage, "--set", "seed").startswith("--set 'seed' is not key=value. For example")
    assert refused(project, stage, "--preset", "big") == "no preset 'big'. Known presets: small"


def test_an_unknown_key_in_the_file_names_the_nearest(refused: Call, project: Path) -> None:
    with open(project / "params.yaml", "a", encoding="utf-8") as handle:
        handle.write("\nevalute: {}\n")
    message = refused(project, "prepare")
    assert message == f"{project / 'params.yaml'}: unknown key 'evalute'. Did you mean 'evaluate'?"


def test_outside_a_project_it_says_where_to_be(refused: Call, tmp_path: Path) -> None:
    message = refused(tmp_path, "prepare")
    assert message == f"{tmp_path / 'params.yaml'}: file not found. Run inside the project, where params.yaml lies"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prepare"], "data/raw: no such file or folder. Set data.source in params.yaml"),
        (["prepare", "--set", "data.source=gone.jsonl"], "gone.jsonl: no such file or folder"),
        (["prepare", "--set", "data.source=data"], "data: no known format: a folder with relations.yaml"),
        (["prepare", "--set", "task.name=POS"], "no task 'POS'. Known tasks: NER, RE"),
        (["prepare", "--set", "data.reader=xml", "--set", "data.source=MLproject"], "'xml'"),
        (["build"], "/data/records/schema.yaml: schema file not found. Run `dvc repro prepare`"),
        (["build", "--set", "task.notation=xml"], "no notation 'xml'. Known notations: iepile_json, triple_lines"),
        (["build", "--set", "task.name=NER"], "notation 'triple_lines' cannot spell answers of task 'NER'"),
        (["generate", "--set", "generate.relations=gone.yaml"], "gone.yaml"),
        (["generate", "--set", "generate.train=0"], "generate.train: Input should be greater than or equal to 1"),
        (["summary"], "/metrics/eval.json: file not found. Run `dvc repro`"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_changes_nothing(
    refused: Call, project: Path, words: list[str], message: str
) -> None:
    assert message in refused(project, *words)


def test_an_empty_file_is_an_error(refused: Call, project: Path) -> None:
    (project / "empty.jsonl").write_text("\n \n", encoding="utf-8")
    message = refused(project, "prepare", "--set", "data.source=empty.jsonl")
    assert message.startswith("empty.jsonl: the file is empty")


def test_too_many_bad_lines_are_one_line_that_names_the_first_and_the_quarantine(extune: Call, project: Path) -> None:
    write_records(project, good=3, bad=2)
    done = extune(project, "prepare", *RECORDS)

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "2 of 5 records (40 %) are bad, limit 1 %; first: own.jsonl:4: not JSON" in done.err
    assert "Look at data/records/quarantine.jsonl" in done.err
    assert [path.name for path in (project / "data" / "records").iterdir()] == ["quarantine.jsonl"]


# ---- extract and chat, with a model that always says the same


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is loaded answers `(Ann, met, Bo)`, and that a text of more than 20 characters is too long."""

    def generate(chats: Sequence[Any], grammars: Sequence[Any]) -> list[Answer]:
        texts = [chat[-1]["content"].split("\n", 1)[1] for chat in chats]
        return [Answer("", "too long") if len(text) > 20 else Answer("(Ann, met, Bo)") for text in texts]

    prompt = Prompt(TASKS["RE"], NOTATIONS["triple_lines"], Schema(relations=("met",)))
    extractor = Extractor(generate, prompt, model="told/1")
    monkeypatch.setattr(api, "load", lambda *_, **__: extractor)


@pytest.mark.usefixtures("model")
def test_every_text_of_a_file_has_its_line_of_json_in_order(extune: Call, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(
        '{"id": "x", "text": "Ann met Bo"}\n\nBo met Ann\n{"text": "Bo"}\n', encoding="utf-8"
    )
    done = extune(tmp_path, "extract", "in.jsonl", "out/found.jsonl")

    assert done.code == 0
    assert json.loads(done.out) == {"texts": 3, "problems": 0, "written": "out/found.jsonl"}
    rows = jsonl(tmp_path / "out/found.jsonl")
    assert [(row["id"], row["model"]) for row in rows] == [("x", "told/1"), ("3", "told/1"), ("4", "told/1")]
    assert [row["relations"][0]["head"]["start"] for row in rows] == [0, 7, None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "in.jsonl: file not found"),
        ("", "in.jsonl: the file is empty"),
        ('plain\n\n{"id": 1}\n', "in.jsonl:3: "),
        ('{"text": "x"}\n{"text": 3}\n', "in.jsonl:2: "),
        ('{"text": " "}\n', "in.jsonl:1: "),
        ('{"text": "x"\n', "in.jsonl:1: "),
        ("short\n" + "long " * 9, "in.jsonl:2: 1 text(s) do not fit the model's window; nothing was written"),
    ],
)
@pytest.mark.usefixtures("model")
def test_an_input_that_cannot_be_used_is_named_by_file_and_line(
    refused: Call, tmp_path: Path, content: str | None, message: str
) -> None:
    (tmp_path / "found.jsonl").write_text("of yesterday\n", encoding="utf-8")
    if content is not None:
        (tmp_path / "in.jsonl").write_text(content, encoding="utf-8")
    assert refused(tmp_path, "extract", "in.jsonl", "found.jsonl").startswith(message)


def test_a_model_that_is_neither_a_name_nor_a_folder_is_refused(refused: Call, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Ann\n", encoding="utf-8")
    message = refused(tmp_path, "extract", "in.txt", "out.jsonl", "--model", "gone")
    assert message == "'gone' is neither models:/NAME... nor a folder with extractor.json"


@pytest.mark.usefixtures("model")
def test_chat_answers_one_text_for_people_or_as_json(extune: Call, tmp_path: Path) -> None:
    assert extune(tmp_path, "chat", "--text", "Ann met Bo").out == "Ann  —met→  Bo\n"
    assert json.loads(extune(tmp_path, "chat", "--text", "Ann met Bo", "--json").out)["model"] == "told/1"
    done = extune(tmp_path, "chat", "--text", "Ann " * 9)
    assert (done.out, done.err[:11]) == ("(nothing found)\n", "! too long:")


@pytest.mark.parametrize(
    ("error", "code"),
    [(CheckFailed("no"), 1), (ModelError("no", where="x", remedy="Mend it"), 3), (KeyboardInterrupt(), 130)],
)
def test_the_exit_code_tells_what_kind_of_failure_it_was(
    extune: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException, code: int
) -> None:
    def load(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(api, "load", load)
    done = extune(tmp_path, "chat", "--text", "x")
    assert done.code == code
    assert done.err == ("" if code == 130 else f"extune: {error}\n")


# ---- the rest


def test_the_summary_is_printed(extune: Call, tmp_path: Path) -> None:
    write_json(tmp_path / "metrics/eval.json", {})
    write_json(tmp_path / "models/registered.json", {"name": "extune", "version": "3"})
    (tmp_path / "MLproject").touch()
    assert "registered: models:/extune/3\n" in extune(tmp_path, "summary").out


def test_help_starts_at_once_it_imports_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys\nfrom extune.cli import app\nsys.argv = ['extune', '--help']\n"
        "try: app()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'mlflow', 'pandas', 'pydantic', 'numpy', 'faker', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert "generate" in done.stdout
    assert "extract" in done.stdout


@pytest.mark.parametrize("words", [[], ["nonsense"], ["extract"], ["prepare", "--sett", "x=1"]])
def test_wrong_use_is_exit_code_2(extune: Call, tmp_path: Path, words: list[str]) -> None:
    assert extune(tmp_path, *words).code == 2
