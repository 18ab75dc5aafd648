"""Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747): 70,000 gray images of clothes, 28 x 28."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rnc_graph.errors import BadValueError, MissingFileError
from rnc_graph.vision.data import ImageData
from rnc_graph.vision.idx import read_idx
from rnc_graph.vision.store import packed_array
from rnc_graph.vision.table import ImageTable

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
# Where the package dataset-fashion-mnist of Debian and Ubuntu puts it.
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
HOW_TO_GET_IT = (
    "Fashion-MNIST is not downloaded: on Debian or Ubuntu, `apt-get install "
    "dataset-fashion-mnist`; elsewhere, put the four files train-images-idx3-ubyte.gz, "
    "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz of "
    "https://github.com/zalandoresearch/fashion-mnist into one folder and name it"
)


def load_fashion_mnist(folder: Path | None = None) -> ImageData:
    """Load the training set (60,000) and the test set (10,000).

    Args:
        folder: of the four IDX files, gzipped or not, such as the ``FashionMNIST/raw`` that
            torchvision makes; None for the folder of Debian's package.

    Returns:
        N = 70,000 images (1, 28, 28) and the numbers of their classes (N, 1).

    Raises:
        RncGraphError: a file is missing (the message says how to get it), cut, or not of this set.
    """
    folder = SYSTEM_FOLDER if folder is None else folder
    pixels, labels, parts, names = [], [], [], []
    for part, prefix in (("train", "train"), ("test", "t10k")):
        image_file = _file(folder, f"{prefix}-images-idx3-ubyte")
        label_file = _file(folder, f"{prefix}-labels-idx1-ubyte")
        images, numbers = read_idx(image_file, 3), read_idx(label_file, 1)
        if images.shape[1:] != (28, 28):
            raise BadValueError(f"{image_file}: found images of {images.shape[1:]}, not (28, 28)")
        if len(images) != len(numbers):
            raise BadValueError(
                f"{label_file}: found {len(numbers)} labels for {len(images)} images"
            )
        if numbers.max(initial=0) >= len(FASHION_CLASSES):
            raise BadValueError(f"{label_file}: found a label of {numbers.max()}, right is 0 to 9")
        pixels.append(images)
        labels.append(numbers)
        parts += [part] * len(images)
        names += [f"{part} {row}" for row in range(1, len(images) + 1)]
    table = ImageTable(
        name="Fashion-MNIST",
        images=names,
        targets=np.concatenate(labels).astype(np.float64)[:, None],
        target_names=["class"],
        parts=np.array(parts, dtype="<U5"),
        classes=FASHION_CLASSES,
    )
    return ImageData(table, packed_array(np.concatenate(pixels)[..., None]))


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            return path
    raise MissingFileError(f"{folder / name}.gz: is missing; {HOW_TO_GET_IT}")
