"""RINCE's similarity of classes from a file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec
from rnc_graph.experiments.spec.component import LossComponent
from rnc_graph.experiments.spec.similarity import check_classes, similarity_of
from rnc_graph.losses import LOSSES

CONTENT = "class,a,b,c\na,1,0.7,0.2\nb,0.7,1,0.5\nc,0.2,0.5,1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "similarity.csv"
    path.write_text(CONTENT)
    return path


def test_thresholds_make_ranks(file: Path):
    names, plain = similarity_of({"file": str(file)})
    assert names == ["a", "b", "c"]
    assert plain == [[1, 0.7, 0.2], [0.7, 1, 0.5], [0.2, 0.5, 1]]
    _, ranked = similarity_of({"file": str(file), "thresholds": [0.7, 0.5]})
    assert ranked == [[1, 0.5, -1], [0.5, 1, 0], [-1, 0, 1]]
    # The diagonal is rank 1 whatever the thresholds are.
    _, alike = similarity_of({"file": str(file), "thresholds": [2.0]})
    assert alike == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]


@given(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3),
    st.lists(st.floats(-1, 1), min_size=1, max_size=4, unique=True),
)
def test_ranks_follow_the_similarity(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], thresholds: list[float]
):
    ab, ac, bc = values
    path = tmp_path_factory.mktemp("similarity") / "similarity.csv"
    path.write_text(f",a,b,c\na,1,{ab},{ac}\nb,{ab},1,{bc}\nc,{ac},{bc},1\n")
    falling = sorted(thresholds, reverse=True)
    _, ranked = similarity_of({"file": str(path), "thresholds": falling})
    for value, made in zip(values, (ranked[0][1], ranked[0][2], ranked[1][2]), strict=True):
        reached = [r for r, threshold in enumerate(falling, start=1) if value >= threshold]
        assert made == (1 - reached[0] / len(falling) if reached else -1)
    LOSSES.make("rince", similarity=ranked)


def test_the_loss_has_what_is_in_the_file(file: Path):
    option = {"file": str(file), "thresholds": [0.7, 0.5]}
    component = LossComponent(name="rince", similarity=option)
    ranked = similarity_of(option)[1]
    assert component.make(LOSSES).ranks.similarity.tolist() == ranked
    assert component.identity(LOSSES)["similarity"] == ranked
    assert component.model_dump()["similarity"] == option


@pytest.mark.parametrize(
    ("content", "option", "message"),
    [
        ("class,a,b\na,1,0\n", {}, "same classes in the first row and the first column, got 2 and"),
        ("class,a,b\nb,1,0\na,0,1\n", {}, "number 1 of them 'b' in place of 'a'"),
        ("class,a,b\na,1,x\nb,0,1\n", {}, "line 2, column 'b': 'x': not a number"),
    ],
)
def test_a_wrong_file_is_refused(file: Path, content: str, option: dict[str, object], message: str):
    file.write_text(content)
    with pytest.raises(RncGraphError, match=message):
        similarity_of({"file": str(file), **option})


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("file: null", "similarity: file: expected text, got None"),
        ("file: [a.csv]", r"similarity: file: expected text, got \['a.csv'\]"),
        ("file: ''", "similarity: file: expected text, got ''"),
        ("file: a.csv, how_to_get: 3", "similarity: how_to_get: expected text, got 3"),
        ("file: a.csv, thresholds: [0.5, 0.7]", r"expected falling numbers, got \[0.5, 0.7\]"),
        ("file: a.csv, thresholds: 0.5", "expected falling numbers, got 0.5"),
        ("file: a.csv, thresholds: [true]", r"expected falling numbers, got \[True\]"),
        ("file: a.csv, thresholds: []", r"expected falling numbers, got \[\]"),
        ("file: a.csv, thresholds: [.nan]", r"expected falling numbers, got \[nan\]"),
        ("file: a.csv, threshold: [0.5]", "similarity: unknown key 'threshold'"),
    ],
)
def test_a_wrong_option_is_named_with_its_line(folder: Path, option: str, message: str):
    spec = folder / "small.yaml"
    objective = f"  objective: {{name: rince, similarity: {{{option}}}}}\n"
    spec.write_text(spec.read_text().replace("\npretraining:\n", f"\npretraining:\n{objective}"))
    with pytest.raises(RncGraphError, match=rf"small\.yaml, line \d+: .*objective.*{message}"):
        read_spec(spec)


def test_other_classes_than_the_data_have_are_refused(file: Path):
    option = {"file": str(file)}
    check_classes(option, ("a", "b", "c"), "pictures")
    with pytest.raises(RncGraphError, match=r"the 3 classes of 'pictures'.*'b' in place of 'x'"):
        check_classes(option, ("a", "x", "c"), "pictures")
    with pytest.raises(RncGraphError, match="the 2 classes of 'pictures' in their order, got 3"):
        check_classes(option, ("a", "b"), "pictures")


def test_a_missing_file_is_named_and_how_to_get_it(tmp_path: Path):
    option = {"file": str(tmp_path / "none.csv"), "how_to_get": "ask a text model"}
    with pytest.raises(RncGraphError, match=r"none\.csv.*; ask a text model"):
        similarity_of(option)
    # A spec is read without its data.
    LossComponent(name="rince", similarity=option)
