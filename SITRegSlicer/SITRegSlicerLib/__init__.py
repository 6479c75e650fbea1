"""The scene side: everything that knows slicer, vtk and qt. Of the engine it knows `sitreg_engine.contract` only."""
