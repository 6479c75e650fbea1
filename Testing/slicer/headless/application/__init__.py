"""slicer.app, slicer.modules, the layout manager and the loader of scripted modules."""
