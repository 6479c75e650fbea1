"""The module's files: what Slicer relies on, and the house's own rules for the scene side."""

import ast
import re
import xml.etree.ElementTree as ElementTree

import pytest
from moduleSteps import MODULE_FILE, ROOT

LIBRARY = ROOT / "SITRegSlicer" / "SITRegSlicerLib"
UI_FILE = ROOT / "Resources" / "UI" / "SITRegSlicer.ui"
SCENE_SIDE = [MODULE_FILE, *sorted(LIBRARY.glob("*.py"))]


def importsOf(path):
    """Names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def testTheModuleFileIsShortAndHoldsTheFourClasses():
    text = MODULE_FILE.read_text(encoding="utf-8")
    classes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    assert len(text.splitlines()) < 150
    assert list(classes) == ["SITRegSlicer", "SITRegSlicerWidget", "SITRegSlicerLogic", "SITRegSlicerTest"]
    assert [ast.unparse(base) for base in classes["SITRegSlicer"].bases] == ["ScriptedLoadableModule"]


def testNoPackageFileLiesBesideTheModule():
    assert not (MODULE_FILE.parent / "__init__.py").exists()
    assert (LIBRARY / "__init__.py").exists()


@pytest.mark.parametrize("path", SCENE_SIDE, ids=lambda path: path.name)
def testTheSceneSideKnowsOnlyTheContractOfTheEngine(path):
    names = [name for name in importsOf(path) if name.split(".")[0] == "sitreg_engine"]
    assert set(names) <= {"sitreg_engine.contract"}


@pytest.mark.parametrize("path", SCENE_SIDE, ids=lambda path: path.name)
def testTheSceneSideImportsNothingThatMustBeInstalledFirst(path):
    top = {name.split(".")[0] for name in importsOf(path)}
    assert not top & {"torch", "SimpleITK", "scipy", "tqdm", "safetensors"}


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.py")), ids=lambda path: path.name)
def testTheFilesStaySmall(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def testRasIsSpokenInOneFileOnly():
    speakers = [path.name for path in SCENE_SIDE if re.search(r"\bRAS\b", path.read_text(encoding="utf-8"))]
    assert speakers == ["sceneImport.py"]


def testTheUiFileHasTheNamesThatOthersRelyOn():
    names = {widget.get("name") for widget in ElementTree.parse(UI_FILE).iter("widget")}
    wanted = "fixedVolumeSelector movingVolumeSelector modelSelector deviceSelector forwardTransformSelector "
    wanted += "inverseTransformSelector warpedVolumeSelector jacobianVolumeSelector applyButton cancelButton "
    wanted += "progressBar statusLabel"
    assert set(wanted.split()) <= names


def testEveryNodeSelectorOfTheUiFileGetsTheScene():
    tree = ElementTree.parse(UI_FILE)
    selectors = {w.get("name") for w in tree.iter("widget") if w.get("class") == "qMRMLNodeComboBox"}
    connected = {c.findtext("receiver") for c in tree.iter("connection")}
    assert selectors == connected
    assert {c.findtext("slot") for c in tree.iter("connection")} == {"setMRMLScene(vtkMRMLScene*)"}


def testTheIconIsASquareOf128Pixels(slicerApp):
    import qt

    image = qt.QImage(str(ROOT / "Resources" / "Icons" / "SITRegSlicer.png"))
    assert (image.size().width(), image.size().height()) == (128, 128)


def testTheModuleHasItsIconAndDescription(loadModule):
    module = loadModule(MODULE_FILE).module
    assert not module.icon.isNull()
    assert module.title == "SITReg Registration"
    assert "Registration" in module.categories


def testTheBuildInstallsEveryPythonFileOfTheModule():
    text = (MODULE_FILE.parent / "CMakeLists.txt").read_text(encoding="utf-8")
    patterns = re.findall(r"^\s+(\$\{MODULE_NAME\}\S*\.py|sitreg_engine/\S+)$", text, re.M)
    found = set()
    for pattern in patterns:
        folder, _, name = pattern.replace("${MODULE_NAME}", "SITRegSlicer").rpartition("/")
        found |= set((MODULE_FILE.parent / folder).rglob(name) if folder else [MODULE_FILE.parent / name])
    assert found == set(MODULE_FILE.parent.rglob("*.py"))


def testTheBuildCopiesEveryResource():
    text = (ROOT / "Resources" / "CMakeLists.txt").read_text(encoding="utf-8")
    patterns = re.search(r"CONFIGURE_DEPENDS\s+(.*?)\)", text, re.S).group(1).split()
    for path in (ROOT / "Resources").rglob("*"):
        relative = path.relative_to(ROOT / "Resources").as_posix()
        if path.is_file() and relative.split("/")[0] in ("UI", "Icons", "Models"):
            assert any(relative.split("/")[0] == pattern.split("/")[0] for pattern in patterns), relative
