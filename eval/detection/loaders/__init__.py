"""Readers of labelled data sets, a module for each layout.

Each has `sets(folder)`: the data sets that it finds there, by their part ("" where the folder holds one only), and how
to read each. It looks at names and first lines, never at what the folder is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eval.detection.dataset import Dataset
from eval.detection.loaders.files import Folder

Load = Callable[[str], Dataset]
"""Reads the data set whole and gives it this name. Raises DataSetError."""
Family = Callable[[Folder], Mapping[str, Load]]
