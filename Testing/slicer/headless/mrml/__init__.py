"""The part of Slicer that is real here: scene, application logic and module logics from the slicer-core wheel."""
