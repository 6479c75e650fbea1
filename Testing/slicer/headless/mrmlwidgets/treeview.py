"""qMRMLSubjectHierarchyTreeView, without a face."""

from PySide6 import QtWidgets


class qMRMLSubjectHierarchyTreeView(QtWidgets.QTreeView):
    """Takes the scene; shows nothing."""

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        self.__dict__["_scene"] = scene

    def mrmlScene(self):
        """The scene, or None."""
        return self.__dict__.get("_scene")
