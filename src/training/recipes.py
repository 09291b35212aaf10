"""What a recipe says of a training. The recipes themselves are values in params/recipes.yaml."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from src.files import PARAMS, shown

FILE = PARAMS / "recipes.yaml"
LOSSES_OF = {"keypoints": ("mse", "wing"), "emotions": ("crossentropy",)}
# Keys that the recipes of the other task lack.
OF_EMOTIONS = (
    *("squeeze_excite", "crop_px", "aligned", "classes"),
    *("vote_weight", "teacher", "teacher_weight", "disgust_repeats"),
)
OF_KEYPOINTS = ("heatmap_weight", "landmark_weight", "helen_repeats")
Widths = Annotated[tuple[PositiveInt, ...], BeforeValidator(lambda it: tuple(it) if isinstance(it, list) else it)]


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Augment(_Values):
    """How far a training face may be changed. Ranges are symmetric uniform; a probability is per face."""

    rotation_deg: NonNegativeFloat = 0.0
    zoom: NonNegativeFloat = 0.0  # scale from 1/(1+zoom) to 1+zoom
    shift: NonNegativeFloat = 0.0  # share of the side
    shear: NonNegativeFloat = 0.0  # tangent
    flip: NonNegativeFloat = 0.0  # probability
    swap_sides: bool = True  # False repeats the original study's error: flipped faces keep the old point names
    brighten: NonNegativeFloat = 0.0  # probability of a gain of 1.5 to 2, the original study's
    gain: NonNegativeFloat = 0.0  # contrast: factor from 1/(1+gain) to 1+gain around the face's mean
    offset: NonNegativeFloat = 0.0  # brightness, grey levels of 0..255
    blur: NonNegativeFloat = 0.0  # probability of a Gaussian blur, sigma 0.5 to 1.5 px at side 96
    shrink: NonNegativeFloat = 0.0  # probability of shrinking to 24..72 px of 96 and enlarging again
    jpeg: NonNegativeFloat = 0.0  # probability of saving as JPEG, quality 20 to 80
    gamma: NonNegativeFloat = 0.0  # exponent of the grey values from 1/(1+gamma) to 1+gamma
    noise: NonNegativeFloat = 0.0  # probability of Gaussian noise, sigma 2 to 12 grey levels
    erase: NonNegativeFloat = 0.0  # probability of a grey rectangle, 2 to 20 % of the face


class Recipe(_Values):
    """Everything that decides a training besides its data."""

    network: Literal["baseline", "compact"]
    widths: Widths | None = None  # of each stage; None: the network's own, see src/models/resnet.py
    units: Widths | None = None  # residual units of each stage
    squeeze_excite: bool = True  # emotions only
    crop_px: PositiveInt | None = None  # emotions only: side of the square that is read; None: the whole face
    aligned: bool = False  # emotions only: that square is the aligned crop, see src/faces.py, not the middle
    classes: Literal[5, 7] = 5  # emotions only: 7 also trains on fear and neutral, which predictions then leave out
    augment: str  # name of an entry of `augment` in the file
    epochs: PositiveInt
    batch_size: PositiveInt
    loss: Literal["mse", "wing", "crossentropy"]
    # Emotions only: people's votes' share of the target, where the faces have votes; the label has the rest.
    vote_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    # Emotions only: the recipe, trained before in the same run, whose network this one starts from and learns from, and
    # how much of the target its answers then replace: src/training/teacher.py.
    teacher: str | None = None
    teacher_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    monitor: Literal["last", "val_loss", "val_five_accuracy"]  # chooses the epoch that is kept
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"  # sgd with Nesterov momentum 0.9
    learning_rate: PositiveFloat = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: linear warm-up over 3 % of the steps, then to 0
    weight_decay: NonNegativeFloat = 0.0
    heatmap_weight: NonNegativeFloat = 0.0  # keypoints only: of the heatmaps' own loss, beside that of the points
    # Keypoints only: of the loss of the 68 landmarks' heatmaps, and of those of another source; 0: without that source.
    landmark_weight: NonNegativeFloat = 0.0
    helen_repeats: PositiveInt = 1  # keypoints only: how often an epoch shows a HELEN face
    disgust_repeats: PositiveInt = 1  # emotions only: how often an epoch shows a face of disgust, the rarest emotion
    seed: int = 0
    comparison: bool = False  # shows what one choice does, or teaches: never kept as a run's network, never tested


def changed(recipe: Recipe, **values) -> Recipe:
    """The recipe with other values, checked like those of the file."""
    return Recipe.model_validate({**recipe.model_dump(), **values})


def recorded(values: dict) -> Recipe | None:
    """The recipe of a record; keys that came later have their defaults. None: there is no such recipe any more."""
    try:
        return Recipe.model_validate(values)
    except ValidationError:
        return None


def _checked(kind: type[_Values], values: dict, where: str) -> _Values:
    try:
        read = kind.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        key, said = ".".join(map(str, fault["loc"])), fault["msg"][0].lower() + fault["msg"][1:]
        said = {"extra_forbidden": "there is no such key", "missing": "this key is missing"}.get(fault["type"], said)
        found = "" if fault["type"] == "missing" else f" is {fault['input']!r}"
        raise ValueError(f"{where}: {key}{found}; {said}.") from error
    return read


def read_recipes(file: Path = FILE) -> tuple[dict[str, Augment], dict[str, Recipe], dict[str, Recipe]]:
    """Augmentations, keypoint recipes and emotion recipes by name.

    Raises
    ------
    ValueError
        If the file is not as it should be: one sentence that names the entry, the key and the value.
    """
    content = yaml.safe_load(file.read_text("utf-8"))
    read = {
        part: {name: _checked(kind, values, f"{shown(file)}, {part}, {name}") for name, values in content[part].items()}
        for part, kind in (("augment", Augment), ("keypoints", Recipe), ("emotions", Recipe))
    }
    augments, *tasks = read.values()
    for name, recipe in (entry for task in tasks for entry in task.items()):
        if recipe.augment not in augments:
            raise ValueError(f"{shown(file)}, {name}: augment is {recipe.augment!r}; it may be {', '.join(augments)}.")
    keypoints, emotions = tasks
    for task, its, others in (("keypoints", keypoints, OF_EMOTIONS), ("emotions", emotions, OF_KEYPOINTS)):
        for name, recipe in its.items():
            _check_task(f"{shown(file)}, {name}", task, recipe, others)
    for name, recipe in emotions.items():
        _check_teacher(name, recipe, emotions, shown(file))
    return augments, keypoints, emotions


def _check_task(where: str, task: str, recipe: Recipe, others: tuple[str, ...]) -> None:
    """No key that this task does not read, and none without what it needs."""
    for key in others:
        if getattr(recipe, key) != Recipe.model_fields[key].default:
            raise ValueError(f"{where}: {key} is {getattr(recipe, key)!r}; {task} recipes do not have it.")
    if recipe.loss not in LOSSES_OF[task]:
        raise ValueError(f"{where}: loss is {recipe.loss!r}; for {task} it may be {' or '.join(LOSSES_OF[task])}.")
    if task == "keypoints" and recipe.monitor == "val_five_accuracy":
        raise ValueError(f"{where}: monitor is {recipe.monitor!r}; for keypoints it may be last or val_loss.")
    if recipe.aligned and recipe.crop_px is None:
        raise ValueError(f"{where}: aligned is True, but crop_px, the side of the aligned crop, is missing.")
    if recipe.crop_px and not recipe.aligned and recipe.crop_px % 2:
        raise ValueError(f"{where}: crop_px is {recipe.crop_px}; the middle of a face has an even side.")


def _check_teacher(name: str, recipe: Recipe, recipes: dict[str, Recipe], where: str) -> None:
    """A teacher reads what its student reads, and answers what that answers."""
    if recipe.teacher is None:
        return
    if recipe.teacher not in recipes:
        raise ValueError(f"{where}, {name}: teacher is {recipe.teacher!r}; it may be {', '.join(recipes)}.")
    if recipe.network != "compact":
        raise ValueError(f"{where}, {name}: network is {recipe.network!r}; only 'compact' learns from a teacher.")
    if recipes[recipe.teacher].teacher:
        raise ValueError(f"{where}, {name}: teacher is {recipe.teacher!r}, which has a teacher itself.")
    for key in ("network", "crop_px", "aligned", "classes"):
        own, its = getattr(recipe, key), getattr(recipes[recipe.teacher], key)
        if own != its:
            raise ValueError(f"{where}, {name}: {key} is {own!r}, but {its!r} in {recipe.teacher!r}, its teacher.")


AUGMENTS, KEYPOINT_RECIPES, EMOTION_RECIPES = read_recipes()


def chosen(recipes: dict[str, Recipe], names: str, *, seed: int = 0, **overrides) -> dict[str, Recipe]:
    """The recipes named in `names` (separated by spaces), each with the overrides that are not None.

    seed: added to each recipe's own, so that recipes that shall see other draws still do.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    return {name: changed(recipes[name], **given, seed=recipes[name].seed + seed) for name in names.split()}
