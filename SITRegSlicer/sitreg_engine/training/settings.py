"""What a training run is made of; one frozen dataclass for each section of its TOML file."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataSettings:
    table: str  # CSV with the columns image, person and optionally labels, mask, split
    root: str = ""  # folder that the table's paths are relative to; empty = the table's own
    cache: str = "cache"  # folder for prepared subjects and alignments
    spacing: float = 2.0  # of the working grid, mm
    alignment: str = "template"  # every image once, to the common pose; or "pair": every pair as at inference
    template: str = ""  # a training person: the second image of every pair is theirs; empty = all with all
    workers: int = 1  # threads that draw the next pairs while the network works; 0 = none
    validation_share: float = 0.05  # of the persons, where the table has no column `split`


@dataclass(frozen=True)
class AugmentSettings:
    """Ranges are half-widths around no change; probabilities are of one image, or of the pair where it says so."""

    rotation: float = 8.0  # degrees, of the whole pair
    scale: float = 0.08  # relative, of the whole pair
    shift: float = 4.0  # mm, of the whole pair
    residual_rotation: float = 2.0  # degrees; what an alignment leaves between the two
    residual_scale: float = 0.02
    residual_shift: float = 2.0  # mm
    strip: float = 0.0  # probability that the pair shows the labelled part alone (a brain without skull)
    crop: float = 0.0  # probability that the pair's fields of view are cut to boxes about the labelled part
    crop_margin: float = 24.0  # mm, the largest margin of such a box
    gamma: float = 0.0  # of log(gamma)
    bias: float = 0.0  # of the log of a smooth field over the image
    noise: float = 0.0  # largest standard deviation, of the intensity range
    blur: float = 0.0  # largest sigma, mm
    invert: float = 0.0  # probability of inverted contrast
    thick: float = 0.0  # probability of slices of up to `thickness`
    thickness: float = 5.0  # mm
    from_labels: float = 0.0  # probability that the pair's images are made from their label maps, each label a grey
    from_shapes: float = 0.0  # probability that the pair is made of random shapes, without any subject

    second_look: float = (
        0.0  # probability that a pair is what the network's own first look at it leaves (second_look.py)
    )

    @property
    def changes_intensities(self) -> bool:
        return any((self.gamma, self.bias, self.noise, self.blur, self.invert, self.thick))


@dataclass(frozen=True)
class TeacherSettings:
    """A model of the shelf whose maps the network is to find as well: the loss taught."""

    model: str = ""  # its id; empty = none
    pairs: int = 600  # drawn once and kept in the cache with its maps (3 MB a pair of brains at 4 mm), without labels


@dataclass(frozen=True)
class LossSettings:
    name: str  # of LOSSES
    weight: float = 1.0
    window: int = 9  # voxels, of local correlation
    points: int = 0  # of losses that sample points; 0 = as published for the image's size
    labels: int = 16  # label ids compared in one step, of soft Dice
    precision: float = 10.0  # of the prior of kl (its lambda)
    # Compare in both images' spaces, in that of the second alone ("fixed", as methods do that go one way), or once
    # "halfway" between them. Half-way costs less, but there both images are interpolated: networks learn to blur by
    # half a voxel, which Dice and correlation reward.
    space: str = "images"


@dataclass(frozen=True)
class OptimiserSettings:
    name: str = "adam"  # or "adamw"
    learning_rate: float = 4e-4
    weight_decay: float = 0.0
    warm_up: int = 100  # steps of a linearly growing rate
    schedule: str = "cosine"  # falls to a hundredth at the last step; or "halving" every `interval`, or "constant"
    interval: int = 1000  # steps
    clip: float = 1.0  # largest norm of the gradient; 0 = none
    shares: dict = field(default_factory=dict)  # of the rate, for parts of the network that bear less: {ahead = 0.2}
    accumulate: int = 1  # groups in a step, over all processes
    ema: float = 0.999  # share of the old average kept at each step; 0 = no average
    dtype: str = "float32"  # of the convolution blocks: or "bfloat16"
    checkpointing: bool = False  # recompute the blocks in the backward pass: less memory, a third more time


@dataclass(frozen=True)
class ValidationSettings:
    every: int = 500  # steps, and once more at the last one; 0 = never
    pairs: int = 4  # fixed pairs of the validation persons, aligned as at inference
    changed: bool = False  # show each pair with other intensities ([augment]), the same at every validation
    patience: int = 0  # validations without a better one, after which the run ends; 0 = never


@dataclass(frozen=True)
class StartSettings:
    """Weights to begin with; neither = as torch initialises."""

    weights: str = ""  # a run's folder, a checkpoint, or a model's .safetensors file, with the same network
    grown_from: str = ""  # the same of a network that lacks the finest level and was trained at twice the spacing
    copied: str = ""  # "A to B": after that, the network's part B begins with the weights of its part A


@dataclass(frozen=True)
class CardSettings:
    """What the model's card tells people (models.cards); the rest of it comes from the run. Needed for export."""

    title: str = ""
    anatomy: str = ""
    modality: str = ""
    contrast: str = ""
    licence: str = ""  # of the weights
    data: str = ""  # with attribution
    citation: str = ""
    limits: str = ""
    capture_range: float = 0.0  # mm
    any_size: bool = False  # not of things of one size: others are shown to it with voxels in proportion


@dataclass(frozen=True)
class RunSettings:
    """The whole file. `network` goes to the model's builder as it is."""

    run: str  # folder for checkpoints, logs and pictures
    network: dict
    data: DataSettings
    losses: tuple[LossSettings, ...]
    model: str = "sitreg"
    seed: int = 1
    steps: int = 10000
    group: int = 2  # images registered with each other in a step: a pair, or 3 for a triplet
    save_every: int = 100  # steps between checkpoints
    log_every: int = 10
    device: str = "auto"
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    teacher: TeacherSettings = field(default_factory=TeacherSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    start: StartSettings = field(default_factory=StartSettings)
    card: CardSettings = field(default_factory=CardSettings)
