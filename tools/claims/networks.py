"""The networks and settings of the claims."""

DC = "model.data_consistency."
PGD = ["model.regularizer.type=resnet", "model.regularizer.blocks=2"]
MODL = [
    "model.regularizer.type=revnet",
    "model.regularizer.layers=5",
    DC + "type=conjugate_gradient",
    DC + "lambda=0.1",
    DC + "learned=true",
]
VOLUME = ["model.physics=3d"]

# Memory, time: name, keys, matrix, gleam simulate
SIZES = [
    ("PGD 2D", [*PGD, "model.regularizer.features=32"], "128x128", ["--size", 128]),
    ("MoDL 2D", [*MODL, DC + "iterations=6", "model.regularizer.features=32"], "128x128", ["--size", 128]),
    ("PGD 3D", [*VOLUME, *PGD, "model.regularizer.features=16"], "16x48x48", ["--physics", "3d", "--depth", 16, "--size", 48]),
    (
        "MoDL 3D",
        [*VOLUME, *MODL, DC + "iterations=4", "model.regularizer.features=16"],
        "16x48x48",
        ["--physics", "3d", "--depth", 16, "--size", 48],
    ),
]


def mebibytes(number):
    return f"{number / 2**20:.1f}"


RATES = ("1e-3", "2e-3")  # tried for every way of training, on the first seed; the better one by validation is taken


class Case:
    """One comparison of quality: data, network, greedy training, and the unrolls that fit its memory end to end."""

    def __init__(self, name, target, steps, keys, mask, modules, train, validation, test, image=False):
        self.name, self.target, self.steps, self.keys, self.mask, self.modules = name, target, steps, keys, mask, modules
        self.data = {"train": train, "validation": validation, "test": test}
        self.image = image


SLICES = [*MODL, DC + "iterations=6", "model.regularizer.features=24", "model.unrolls=6"]
VOLUMES = [*VOLUME, *MODL, DC + "iterations=4", "model.regularizer.features=16", "model.unrolls=6"]
SLICE_MASK = {"type": "poisson", "acceleration": 8, "calibration": 12}
VOLUME_MASK = {"type": "poisson", "acceleration": 8, "calibration": 8}
OF_SLICES = ["--size", 96, "--noise", 0.005]
OF_VOLUMES = ["--physics", "3d", "--depth", 16, "--size", 48, "--noise", 0.005]


def parts(axis, first, second):
    """Slices of an image for training, validation and test, none of them shared."""
    return [["--axis", axis, "--part", part] for part in (f"0:{first}", f"{first}:{second}", f"{second}:1")]


def counts(*numbers):
    return [["--slices", n] for n in numbers]


def case(name, target, steps, keys, mask, modules, options, shares, image=False):
    return Case(name, target, steps, keys, mask, modules, *[[*options, *share] for share in shares], image=image)


CASES = [
    case("2D anatomy", 1.1, 600, SLICES, SLICE_MASK, 0, OF_SLICES, parts(2, 0.7, 0.82), image=True),
    case("2D phantoms", 1.1, 600, SLICES, SLICE_MASK, 0, OF_SLICES, counts(80, 10, 20)),
    case("3D anatomy", 1.8, 300, VOLUMES, VOLUME_MASK, 0, OF_VOLUMES, parts(1, 0.58, 0.72), image=True),
    case("3D phantoms", 1.8, 300, VOLUMES, VOLUME_MASK, 0, OF_VOLUMES, counts(10, 2, 4)),
]
