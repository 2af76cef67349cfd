"""params.yaml, presets and --set: what is laid over what, and how a mistake is named."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from extune.config import Config, load, merge, parse, parse_override, preset_path, project_root
from extune.errors import ConfigError
from extune.sections import Data

ROOT = Path(__file__).resolve().parents[1]
PLAIN = {"data": {"source": "x"}}
NESTED = st.recursive(
    st.integers(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
).filter(lambda value: isinstance(value, dict))


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """A project with one preset."""
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "small.yaml").write_text("train: {sft: {max_steps: 2}}\nseed: 7\n", encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\ndata: {source: x}\ntrain: {sft: {max_length: 9}}\n", encoding="utf-8")
    return path


def keys(section: Any) -> dict[str, Any]:
    """The keys a section declares, those of its sections below them."""
    fields = {field.alias or name: field.annotation for name, field in section.model_fields.items()}
    return {name: keys(kind) if hasattr(kind, "model_fields") else None for name, kind in fields.items()}


def differing(values: Any, known: Any, path: str = "") -> set[str]:
    if known is None:
        return set()
    below = [differing(values[key], known[key], f"{path}{key}.") for key in values.keys() & known.keys()]
    return {path + key for key in values.keys() ^ known.keys()}.union(*below)


def test_the_shipped_file_is_valid_and_says_every_key_there_is() -> None:
    import yaml

    load(ROOT / "params.yaml")
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert differing(values, keys(Config)) == set()


def ordered(values: Any) -> Any:
    return [(key, ordered(value)) for key, value in values.items()] if isinstance(values, dict) else None


def test_the_shipped_file_has_its_keys_in_the_order_of_the_code() -> None:
    import yaml

    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert ordered(values) == ordered(load(ROOT / "params.yaml").model_dump(by_alias=True))


@pytest.mark.parametrize("preset", sorted(path.stem for path in (ROOT / "presets").glob("*.yaml")))
def test_every_shipped_preset_fits_the_shipped_file(preset: str) -> None:
    load(ROOT / "params.yaml", preset)


def test_a_preset_is_laid_over_the_file_and_overrides_over_both(params: Path) -> None:
    sft = {"max_length": 9, "max_steps": 2}
    assert load(params).seed == 1
    assert load(params, "small").seed == 7
    assert load(params, "small").train.sft == sft
    assert load(params, str(params.parent / "presets" / "small.yaml")).train.sft == sft
    assert load(params, "small", ["seed=8", "train.sft.max_steps=3"]).train.sft == sft | {"max_steps": 3}
    assert load(params, "small", ["seed=8", "seed=9"]).seed == 9


def test_several_overrides_may_stand_in_one_text_as_mlflow_hands_them_on(params: Path) -> None:
    config = load(params, None, ["seed=8 task.name=NER  task.instruction.en=Find all names", ""])
    assert (config.seed, config.task.name) == (8, "NER")
    assert config.task.instruction == {"en": "Find all names"}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=1", {"seed": 1}),
        ("a.b.c=[1, x]", {"a": {"b": {"c": [1, "x"]}}}),
        ("a=", {"a": None}),
        ("a=b=c", {"a": "b=c"}),
        ("a={b: true}", {"a": {"b": True}}),
    ],
)
def test_an_override_is_read_as_yaml(text: str, values: Any) -> None:
    assert parse_override(text) == values


@pytest.mark.parametrize(("text", "number"), [("1e-3", 0.001), ("2E5", 2e5), ("1.5e+2", 150.0), ("-1e3", -1000.0)])
def test_a_number_in_scientific_notation_is_a_number(params: Path, text: str, number: float) -> None:
    assert load(params, None, [f"train.sft.learning_rate={text}"]).train.sft["learning_rate"] == number
    params.write_text(f"data: {{source: x}}\ntrain: {{sft: {{learning_rate: {text}}}}}\n", encoding="utf-8")
    assert load(params).train.sft["learning_rate"] == number


@given(NESTED, NESTED)
def test_the_upper_layer_wins_key_by_key(under: dict[str, Any], over: dict[str, Any]) -> None:
    both = merge(under, over)
    assert set(both) == set(under) | set(over)
    assert merge(both, over) == both
    assert merge(under, {}) == under
    assert merge({}, over) == over
    assert all(both[key] == under[key] for key in set(under) - set(over))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sed=1", "unknown key 'sed'. Did you mean 'seed'?"),
        ("data.sorce=x", "unknown key 'data.sorce'. Did you mean 'data.source'?"),
        ("data.schema_file=x", "unknown key 'data.schema_file'. Did you mean 'data.schema'?"),
        ("data.split.tset=0.1", "unknown key 'data.split.tset'. Did you mean 'data.split.test'?"),
        ("decode.xyz=1", "unknown key 'decode.xyz'. Known keys here: max_new_tokens, batch_size, constrained"),
        ("decode.batch_size=0", "decode.batch_size: Input should be greater than or equal to 1 (got 0)"),
        ("seed=many", "seed: Input should be a valid integer, unable to parse string as an integer (got 'many')"),
        ("seed.x=1", "seed: Input should be a valid integer (got {'x': 1})"),
        ("task.language=fr", "task.language: Input should be 'auto', 'zh' or 'en' (got 'fr')"),
        ("task=", "task: Input should be a valid dictionary or instance of Task (got None)"),
        ("evaluate.limit=0", "evaluate.limit: Input should be greater than or equal to 1 (got 0)"),
    ],
)
def test_a_wrong_key_or_value_is_named(params: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(params, None, [override])
    assert str(caught.value) == f"{params}: {message}"


@pytest.mark.parametrize("text", ["seed", "=1", "seed 1"])
def test_an_override_without_a_key_or_a_sign_is_refused(params: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=rf"--set '{text}' is not key=value\. For example"):
        load(params, None, [text])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"data: {source: x}\nseed: [1\ntask: 2", ":3: not YAML (expected ',' or ']', but got ':')"),
        (b"seed: *x", ":1: not YAML (found undefined alias 'x')"),
        (b"\x00", ": not YAML (unacceptable character #x0000: special characters are not allowed)"),
        (b"seed: \xff", ": not UTF-8 (invalid start byte)"),
        (b"- seed", ": not a mapping"),
        (b"", ": not a mapping"),
        (b"seed: 1", ": data: Field required (got {'seed': 1})"),
    ],
)
def test_a_broken_file_is_named_with_its_line(params: Path, content: bytes, reason: str) -> None:
    params.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(params)
    assert str(caught.value) == f"{params}{reason}"


def test_a_missing_file_says_where_to_be(tmp_path: Path) -> None:
    for path in (tmp_path / "params.yaml", tmp_path):
        with pytest.raises(ConfigError, match=r"file not found\. Run inside the project"):
            load(path)


def test_an_unknown_preset_lists_the_known_ones(params: Path) -> None:
    with pytest.raises(ConfigError, match=r"no preset 'big'\. Known presets: small$"):
        load(params, "big")
    with pytest.raises(ConfigError, match=r"no preset 'big\.yaml'\. Known presets: none$"):
        preset_path("big.yaml", params.parent / "presets")


def test_options_of_the_libraries_are_handed_on_unchanged() -> None:
    passed = {"anything": [1, {"x": None}]}
    config = parse(PLAIN | {"train": {"sft": passed, "lora": passed}, "model": {"quantization": passed}})
    assert (config.train.sft, config.train.lora, config.model.quantization) == (passed, passed, passed)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse(PLAIN).seed = 3  # type: ignore[misc]


def test_the_project_is_the_nearest_folder_upwards_with_an_mlproject(tmp_path: Path) -> None:
    below = tmp_path / "project" / "data" / "raw"
    below.mkdir(parents=True)
    assert project_root(below) == below.resolve()
    (tmp_path / "project" / "MLproject").touch()
    assert project_root(below) == (tmp_path / "project").resolve()
    assert project_root(tmp_path) == tmp_path.resolve()


def test_each_section_of_the_file_has_a_section_of_the_configuration() -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+):", text, re.MULTILINE)) == set(Config.model_fields)


@pytest.mark.parametrize(
    ("every", "fits"), [(1, True), (0.25, True), (None, True), (0, False), (2.5, False), (-1, False)]
)
def test_looks_come_after_whole_steps_or_a_share_of_an_epoch(every: Any, fits: bool) -> None:
    values = {"data": {"source": "x"}, "train": {"best": {"every": every}}}
    if fits:
        assert parse(values).train.best.every == every
    else:
        with pytest.raises(ConfigError, match=r"train\.best\.every"):
            parse(values)


def test_what_is_left_to_the_rows_is_asked_for_once_all_is_laid_over_and_a_number_stays(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("data: {source: a}\ntask: {name: auto, split_num: auto}\n", encoding="utf-8")
    seen = []

    def told(data: Data, name: str) -> tuple[str, int]:
        seen.append((data.source, name))
        return "EE" if name == "auto" else name, 3

    for overrides, found in (((), ("EE", 3)), (["task.name=NER"], ("NER", 3)), (["task.split_num=9"], ("EE", 9))):
        asked = load(path, None, [*overrides, "data.source=b"], told).task
        assert (asked.name, asked.split_num) == found
    assert seen == [("b", "auto"), ("b", "NER"), ("b", "auto")]
    load(path, None, ["task.name=NER", "task.split_num=9"], told)
    assert len(seen) == 3
    assert (load(path).task.name, load(path).task.split_num) == ("auto", -1)
