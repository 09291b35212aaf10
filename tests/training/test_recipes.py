import pytest
import yaml
from pydantic import ValidationError

from src.training import recipes
from src.training.recipes import EMOTION_RECIPES, KEYPOINT_RECIPES, changed, chosen, read_recipes, recorded

SMALL = KEYPOINT_RECIPES["small"]


def written(tmp_path, change):
    """A copy of the recipes' file with a change to its content."""
    content = yaml.safe_load(recipes.FILE.read_text())
    change(content)
    file = tmp_path / "recipes.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.mark.parametrize(
    ("part", "entry", "key", "value", "sentence"),
    [
        ("emotions", "small", "learning_rat", 0.1, "learning_rat is 0.1; there is no such key."),
        ("emotions", "small", "learning_rate", "fast", "learning_rate is 'fast'; input should be a valid number."),
        ("emotions", "small", "learning_rate", 0, "learning_rate is 0; input should be greater than 0."),
        ("keypoints", "small", "epochs", 1.5, "epochs is 1.5; input should be a valid integer"),
        ("keypoints", "small", "epochs", 0, "epochs is 0; input should be greater than 0."),
        ("keypoints", "small", "loss", "points", "loss is 'points'; input should be 'mse', 'wing' or 'crossentropy'."),
        ("emotions", "small", "augment", "wild", "augment is 'wild'; it may be baseline_emotions,"),
        ("emotions", "small", "vote_weight", 1.5, "vote_weight is 1.5; input should be less than or equal to 1."),
        ("emotions", "emotions", "teacher", "me", "emotions: teacher is 'me'; it may be "),
        ("emotions", "emotions", "teacher", "emotions", "emotions: teacher is 'emotions', which has a teacher itself."),
        ("emotions", "emotions", "network", "baseline", "network is 'baseline'; only 'compact' learns from a teacher."),
        ("keypoints", "small", "teacher", "keypoints", "teacher is 'keypoints'; keypoints recipes do not have it."),
        ("keypoints", "small", "squeeze_excite", False, "squeeze_excite is False; keypoints recipes do not have it."),
        ("keypoints", "small", "teacher_weight", 0.5, "teacher_weight is 0.5; keypoints recipes do not have it."),
        ("emotions", "small", "helen_repeats", 8, "helen_repeats is 8; emotions recipes do not have it."),
        ("keypoints", "small", "loss", "crossentropy", "loss is 'crossentropy'; for keypoints it may be mse or wing."),
        ("keypoints", "small", "monitor", "val_five_accuracy", "for keypoints it may be last or val_loss."),
        (
            "emotions",
            "small",
            "aligned",
            True,
            "aligned is True, but crop_px, the side of the aligned crop, is missing",
        ),
        ("emotions", "small", "crop_px", 41, "crop_px is 41; the middle of a face has an even side."),
        ("emotions", "emotions", "crop_px", 44, "emotions: crop_px is 44, but 40 in 'teacher', its teacher."),
        ("augment", "mild", "flip", "often", "flip is 'often'; input should be a valid number."),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence(tmp_path, part, entry, key, value, sentence):
    file = written(tmp_path, lambda content: content[part][entry].update({key: value}))
    with pytest.raises(ValueError) as refused:
        read_recipes(file)
    assert sentence in str(refused.value) and entry in str(refused.value) and "recipes.yaml" in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_a_missing_value_is_refused_in_a_sentence(tmp_path):
    file = written(tmp_path, lambda content: content["emotions"]["small"].pop("epochs"))
    with pytest.raises(ValueError, match=r"emotions, small: epochs; this key is missing\."):
        read_recipes(file)


def test_only_what_is_given_overrides_a_recipe():
    plan = chosen(KEYPOINT_RECIPES, "small baseline", epochs=2, batch_size=None, learning_rate=None)
    assert plan == {name: changed(KEYPOINT_RECIPES[name], epochs=2) for name in ("small", "baseline")}


def test_a_seed_is_added_to_each_recipe_s_own():
    known = {"first": SMALL, "second": changed(SMALL, seed=1)}
    assert [recipe.seed for recipe in chosen(known, "first second", seed=4).values()] == [SMALL.seed + 4, 5]


def test_a_recipe_is_read_back_from_its_record():
    told = SMALL.model_dump(mode="json")
    assert recorded(told) == SMALL
    assert recorded({key: value for key, value in told.items() if key != "vote_weight"}) == SMALL, "a later key"
    assert recorded({**told, "head": "bins"}) is None and recorded({**told, "epochs": 9}) != SMALL


def test_a_recipe_is_not_changed_in_place():
    with pytest.raises(ValidationError, match="frozen"):
        SMALL.epochs = 3


def test_what_one_choice_does_is_compared_and_never_kept():
    compared = {name for known in (KEYPOINT_RECIPES, EMOTION_RECIPES) for name, it in known.items() if it.comparison}
    others = {"unswapped", "teacher"}
    assert compared == {name for name in compared if name.startswith(("ablation_", "votes_")) or name in others}
    assert "ablation_no_alignment" in compared and not KEYPOINT_RECIPES["keypoints"].comparison
    whole = EMOTION_RECIPES["votes_75"].model_dump()
    votes = EMOTION_RECIPES["votes_0"].model_dump()
    for name in (name for name in EMOTION_RECIPES if name.startswith("votes_")):
        assert {**EMOTION_RECIPES[name].model_dump(), "vote_weight": 0.0} == votes
        assert EMOTION_RECIPES[name].vote_weight == int(name.removeprefix("votes_")) / 100
    for name in (name for name in EMOTION_RECIPES if name.startswith("ablation_")):
        differing = [key for key, value in EMOTION_RECIPES[name].model_dump().items() if value != whole[key]]
        assert len(differing) == 1, "one part at a time"
