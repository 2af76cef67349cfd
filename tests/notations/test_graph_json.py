"""Graph JSON: which shapes it is for and how it asks; the rest it shares with IEPile JSON."""

from extune.notations import NOTATIONS
from extune.schema import Schema
from extune.tasks import TASKS


def test_graph_json_is_for_graphs_alone_and_asks_in_plain_words() -> None:
    way = NOTATIONS["graph_json"]
    fitting = [one.name for one in TASKS.values() if way.fits(one.shape(("entities", "relationships"), Schema()))]
    assert fitting == ["GRAPH"]
    assert way.prompt("Do", {"entities": ["甲"], "relationships": []}, "x") == 'Do\n{"entities": ["甲"]}\nx'
    assert way.prompt("Do", {"entities": [], "relationships": []}, "x") == "Do\nx"
