"""`slicer.app.coreIOManager()`: files by storage nodes and logics, for slicer.util.load*, save*, exportNode."""

from pathlib import Path

import slicer

from .filetypes import STORABLE_CLASSES, fileTypeOf, knownExtension


class CoreIOManager:
    """The part of qSlicerCoreIOManager that slicer.util calls."""

    def fileType(self, fileName):
        """The type that a file name says."""
        return fileTypeOf(fileName)

    def fileWriterFileType(self, node, format=None):
        """The type under which a node is written."""
        for fileType, className in STORABLE_CLASSES.items():
            if node.IsA(className):
                return fileType
        for part in ("Volume", "Transform", "Markups"):
            if node.IsA(f"vtkMRML{part}Node"):
                return part + "File"
        return "ColorTableFile" if node.IsA("vtkMRMLColorNode") else "NoFile"

    def extractKnownExtension(self, fileName, node):
        """The extension, `.nii.gz` and `.seg.nrrd` in one piece."""
        return knownExtension(fileName)

    def loadNodes(self, fileType, properties, nodes=None, messages=None):
        """Read one file into the scene; loaded nodes are added to the collection `nodes`. True when it worked."""
        fileName = str(properties["fileName"])
        if not Path(fileName).exists():
            return False
        if fileType == "SceneFile":
            return loadScene(fileName, bool(properties.get("clear")), messages)
        name = properties.get("name") or Path(fileName).name[: -len(knownExtension(fileName)) or None]
        node = loadNode(fileType, fileName, name, properties, messages)
        if node is None:
            return False
        if nodes is not None:
            nodes.AddItem(node)
        return True

    def saveNodes(self, fileType, properties, messages=None):
        """Write one node, or the scene. True when it worked."""
        fileName = str(properties["fileName"])
        if fileType == "SceneFile":
            return saveScene(fileName, messages)
        return saveNode(slicer.mrmlScene.GetNodeByID(properties["nodeID"]), fileName, properties)

    def fileWriterExtensions(self, node):
        """What a node can be written as, such as "NRRD (.nrrd)"."""
        storage = node.GetStorageNode()
        if storage is not None:
            return writableTypes(storage)
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        slicer.mrmlScene.AddNode(storage)  # volume storage nodes know their types only inside a scene
        types = writableTypes(storage)
        slicer.mrmlScene.RemoveNode(storage)
        return types

    def exportNodes(self, nodeIDs, fileNames, properties, hardenTransform, messages=None):
        """Write copies of nodes, in world coordinates when asked. True when all worked."""
        pairs = zip(nodeIDs, fileNames, strict=True)
        return all(exportNode(nodeID, str(name), properties, hardenTransform) for nodeID, name in pairs)


def writableTypes(storage):
    """What a storage node can write, as format strings."""
    types = storage.GetSupportedWriteFileTypes()
    return tuple(types.GetValue(index) for index in range(types.GetNumberOfValues()))


def loadScene(fileName, clear, messages):
    """Read a .mrb or .mrml."""
    scene = slicer.mrmlScene
    if fileName.lower().endswith(".mrb"):
        return bool(scene.ReadFromMRB(fileName, clear, messages))
    scene.SetURL(fileName)
    return bool(scene.Connect(messages) if clear else scene.Import(messages))


def loadNode(fileType, fileName, name, properties, messages):
    """Read one node by the logic or storage node of its type; None when it cannot be read."""
    scene = slicer.mrmlScene
    if fileType == "VolumeFile":
        options = 1 if properties.get("labelmap") else 0
        return slicer.modules.volumes.logic().AddArchetypeVolume(fileName, name, options)
    if fileType == "TransformFile":
        node = slicer.modules.transforms.logic().AddTransform(fileName, scene)
        if node and "name" in properties:
            node.SetName(scene.GetUniqueNameByString(name))
        return node
    if fileType == "MarkupsFile":
        nodeID = slicer.modules.markups.logic().LoadMarkups(fileName, name, messages)
        return scene.GetNodeByID(nodeID) if nodeID else None
    if fileType == "ColorTableFile":
        return slicer.modules.colors.logic().LoadColorFile(fileName, name)
    if fileType in STORABLE_CLASSES:
        return loadStorable(STORABLE_CLASSES[fileType], fileName, name)
    return None


def loadStorable(className, fileName, name):
    """Read a node by its own storage node; nothing stays in the scene when that fails."""
    scene = slicer.mrmlScene
    node = scene.AddNewNodeByClass(className, name)
    node.AddDefaultStorageNode(fileName)
    storage = node.GetStorageNode()
    storage.SetFileName(fileName)
    if not storage.ReadData(node):
        scene.RemoveNode(storage)
        scene.RemoveNode(node)
        return None
    if node.IsA("vtkMRMLDisplayableNode"):
        node.CreateDefaultDisplayNodes()
    return node


def saveScene(fileName, messages):
    """Write a .mrb, a .mrml, or a folder with everything."""
    scene = slicer.mrmlScene
    if fileName.lower().endswith(".mrb"):
        return bool(scene.WriteToMRB(fileName, None, messages))
    if fileName.lower().endswith(".mrml"):
        scene.SetURL(fileName)
        scene.SetRootDirectory(str(Path(fileName).parent))
        return bool(scene.Commit(fileName, messages))
    Path(fileName).mkdir(parents=True, exist_ok=True)
    logic = slicer.app.applicationLogic()
    return bool(logic.SaveSceneToSlicerDataBundleDirectory(fileName, None, messages))


def saveNode(node, fileName, properties):
    """Write a node by its storage node; a storage node that cannot write this extension is replaced."""
    storage = node.GetStorageNode()
    if storage is None or not storage.SupportedFileType(fileName):
        node.AddDefaultStorageNode(fileName)
        storage = node.GetStorageNode()
    storage.SetFileName(fileName)
    if "useCompression" in properties:
        storage.SetUseCompression(bool(properties["useCompression"]))
    return bool(storage.WriteData(node))


def exportNode(nodeID, fileName, properties, hardenTransform):
    """Write a copy of a node, so that the node itself keeps its storage node and its parent transform."""
    scene = slicer.mrmlScene
    node = scene.GetNodeByID(nodeID)
    copy = scene.AddNewNodeByClass(node.GetClassName(), node.GetName())
    copy.CopyContent(node)
    if hardenTransform and node.GetParentTransformNode() is not None:
        copy.SetAndObserveTransformNodeID(node.GetTransformNodeID())
        copy.HardenTransform()
    written = saveNode(copy, fileName, properties)
    if copy.GetStorageNode() is not None:
        scene.RemoveNode(copy.GetStorageNode())
    scene.RemoveNode(copy)
    return written
