"""Which kind of data a file name says it holds, and which node class takes it."""

# Longest extensions first: `.seg.nrrd` is a segmentation, `.nrrd` a volume.
EXTENSIONS = (
    (".seg.nrrd", "SegmentationFile"),
    (".seg.nhdr", "SegmentationFile"),
    (".seq.nrrd", "SequenceFile"),
    (".mrk.json", "MarkupsFile"),
    (".nii.gz", "VolumeFile"),
    (".fcsv", "MarkupsFile"),
    (".mrb", "SceneFile"),
    (".mrml", "SceneFile"),
    (".ctbl", "ColorTableFile"),
    (".cxml", "ColorTableFile"),
    (".h5", "TransformFile"),
    (".tfm", "TransformFile"),
    (".mat", "TransformFile"),
    (".csv", "TableFile"),
    (".tsv", "TableFile"),
    (".vtp", "ModelFile"),
    (".vtk", "ModelFile"),
    (".stl", "ModelFile"),
    (".ply", "ModelFile"),
    (".obj", "ModelFile"),
    (".txt", "TextFile"),
    (".nii", "VolumeFile"),
    (".nrrd", "VolumeFile"),
    (".nhdr", "VolumeFile"),
    (".mha", "VolumeFile"),
    (".mhd", "VolumeFile"),
)

STORABLE_CLASSES = {
    "SegmentationFile": "vtkMRMLSegmentationNode",
    "SequenceFile": "vtkMRMLSequenceNode",
    "TableFile": "vtkMRMLTableNode",
    "ModelFile": "vtkMRMLModelNode",
    "TextFile": "vtkMRMLTextNode",
}


def knownExtension(fileName):
    """The extension as in the table above, or what follows the last dot."""
    lower = str(fileName).lower()
    for extension, _ in EXTENSIONS:
        if lower.endswith(extension):
            return extension
    return "." + lower.rsplit(".", 1)[-1] if "." in lower else ""


def fileTypeOf(fileName):
    """The file type, or "NoFile"."""
    return dict(EXTENSIONS).get(knownExtension(fileName), "NoFile")
