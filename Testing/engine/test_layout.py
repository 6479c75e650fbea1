"""The rules of the house that no type checker sees: who may import whom, and how long a file may get."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "SITRegSlicer" / "sitreg_engine"
SCENE = ROOT / "SITRegSlicer" / "SITRegSlicerLib"
SLICERS_OWN = {"slicer", "vtk", "qt", "ctk", "mrml", "vtkmodules", "PythonQt", "PySide6"}

# From the top down; a module may import from its own layer and those below it.
LAYERS = (
    {"cli", "worker", "training", "arguments", "console", "channel", "inbox", "process"},
    {"register"},
    {"prepare", "affine", "models", "refine", "predict", "compose", "quality", "inputs", "outputs", "record"}
    | {"assess", "unfold", "balance", "recompose", "contrast", "case", "writing"},
    {"scan"},
    {"study", "foreground"},
    {"images", "fields", "mappings", "progress", "lattices", "determinants"},
    {"trilinear"},
    {"geometry", "devices", "itk", "memory", "precision", "parallel", "threads", "roughness", "whole", "window_mean"}
    | {"allocator", "checksum", "dilation", "effort", "failures", "fallback", "hdf5", "packed"},
    {"contract", "errors"},
)


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imports_of(path: Path) -> set[str]:
    """Absolute dotted names of everything a file imports, at any depth; relative ones are resolved."""
    package = path.relative_to(ROOT / "SITRegSlicer").with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module) if part)
            found |= {f"{name}.{alias.name}" for alias in node.names}
    return found


def engine_modules(names: set[str]) -> set[str]:
    """First-level engine modules among imported names."""
    return {name.split(".")[1] for name in names if name.startswith("sitreg_engine.")}


def layer_of(module: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if module in layer), None)


def module_of(path: Path) -> str:
    return path.relative_to(ENGINE).parts[0].removesuffix(".py")


def test_the_engine_never_imports_slicer():
    forbidden = SLICERS_OWN | {"SITRegSlicerLib", "SITRegSlicer"}
    roots = {path: {name.split(".")[0] for name in imports_of(path)} for path in python_files(ENGINE)}
    assert not {path.name: found & forbidden for path, found in roots.items() if found & forbidden}


def test_every_module_of_the_engine_has_its_layer():
    modules = {module_of(path) for path in python_files(ENGINE)} - {"__init__"}
    assert not {module for module in modules if layer_of(module) is None}


@pytest.mark.parametrize("path", python_files(ENGINE), ids=lambda p: str(p.relative_to(ENGINE)))
def test_imports_in_the_engine_run_one_way(path):
    own = layer_of(module_of(path)) or 0  # __init__ holds the version alone
    upwards = {m for m in engine_modules(imports_of(path)) if (other := layer_of(m)) is not None and other < own}
    assert not upwards


@pytest.mark.parametrize("module", ["refine", "models", "register", "unfold", "training.loop", "worker"])
def test_any_module_can_be_the_first_to_be_imported(module):
    """Packages of one layer that need each other would work or not by who comes first."""
    subprocess.run([sys.executable, "-c", f"import sitreg_engine.{module}"], check=True)


def test_the_contract_imports_the_standard_library_alone():
    roots = {name.split(".")[0] for name in imports_of(ENGINE / "contract.py")}
    assert roots <= set(sys.stdlib_module_names)


SCENE_SIDE = [*python_files(SCENE), ROOT / "SITRegSlicer" / "SITRegSlicer.py"]


@pytest.mark.parametrize("path", SCENE_SIDE, ids=lambda p: p.name)
def test_the_scene_side_knows_only_the_contract(path):
    assert engine_modules(imports_of(path)) <= {"contract"}


@pytest.mark.parametrize("path", SCENE_SIDE, ids=lambda p: p.name)
def test_the_scene_side_loads_nothing_heavy_at_file_scope(path):
    top = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Import)]
    assert not {alias.name.split(".")[0] for node in top for alias in node.names} & {"torch", "SimpleITK"}


ALL_FILES = [path for folder in ("SITRegSlicer", "Testing") for path in python_files(ROOT / folder)]


def calls_in(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]


def test_no_file_outgrows_three_hundred_lines():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in ALL_FILES}
    assert not {name: length for name, length in lengths.items() if length > 300}


def test_no_file_of_the_engine_prints():
    for path in python_files(ENGINE):
        prints = [call for call in calls_in(path) if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not prints, path.name


def test_text_is_read_as_utf8_whatever_the_locale_says():
    """Ruff's PLW1514 does not know that a path is one where it comes from a test's arguments."""
    for path in ALL_FILES:
        calls = [call for call in calls_in(path) if isinstance(call.func, ast.Attribute)]
        reads = [call for call in calls if call.func.attr == "read_text"]
        bare = [call.lineno for call in reads if "encoding" not in {word.arg for word in call.keywords}]
        assert not bare, path
