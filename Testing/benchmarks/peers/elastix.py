"""elastix (itk-elastix): its default B-splines. SETTINGS: final spacing of the grid in voxels, iterations."""

from collections.abc import Sequence
from pathlib import Path

import itk
import numpy as np
from adapter import field_of, inverse_of, read, run


def register(fixed: str, moving: str, folder: Path, settings: Sequence[str]):
    voxels, iterations = settings
    like = read(fixed)
    parameters = itk.ParameterObject.New()
    spacing = float(voxels) * min(like.GetSpacing())
    chosen = parameters.GetDefaultParameterMap("bspline", 4, spacing)
    chosen["MaximumNumberOfIterations"] = [iterations]
    chosen["WriteResultImage"] = ["false"]
    parameters.AddParameterMap(chosen)
    images = [itk.imread(path, itk.F) for path in (fixed, moving)]
    # Not number_of_threads: 0.25.4 crashes with it. ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS says it as well.
    _, result = itk.elastix_registration_method(*images, parameter_object=parameters, log_to_console=False)
    # It also writes its field to a file: beside the others, not where we happen to be.
    vectors = itk.transformix_deformation_field(images[1], result, output_directory=str(folder))
    field = field_of(np.asarray(vectors), like)
    return field, inverse_of(field)


if __name__ == "__main__":
    run(register, ["itk-elastix"])
