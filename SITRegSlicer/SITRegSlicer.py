"""SITReg in 3D Slicer: the four classes that Slicer looks for. What they do is in SITRegSlicerLib."""

import weakref

import qt
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

import slicer
from SITRegSlicerLib.applyCheck import whatIsMissing
from SITRegSlicerLib.panel import Panel
from SITRegSlicerLib.parameters import RegistrationParameters
from SITRegSlicerLib.registrationJob import RegistrationJob
from SITRegSlicerLib.registrationRequest import OutputChoices, RegistrationRequest, RequestError
from SITRegSlicerLib.resources import resourcesFolder
from SITRegSlicerLib.selfTest import registerSyntheticPair
from SITRegSlicerLib.transformNodes import useLinearInterpolationEverywhere
from SITRegSlicerLib.workerProcess import WorkerProcess, engineCommand


class SITRegSlicer(ScriptedLoadableModule):
    """What Slicer's menus show of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "SITReg Registration"
        parent.categories = ["Registration"]
        parent.dependencies = []
        parent.contributors = ["The SITRegSlicer contributors"]
        parent.helpText = (
            "Registers a moving volume onto a fixed volume: symmetric, inverse consistent, without folds. "
            "Gives both transforms, the warped volume and a map of local volume change."
        )
        parent.acknowledgementText = "SITReg: J. Honkamaa and P. Marttinen, Aalto University."
        parent.icon = qt.QIcon(str(resourcesFolder() / "Icons" / "SITRegSlicer.png"))


class SITRegSlicerWidget(ScriptedLoadableModuleWidget, slicer.util.VTKObservationMixin):
    """The panel's life: made, bound to the parameter node of the scene at hand, cleaned up."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        slicer.util.VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        """Called once, when the panel is first shown."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(str(resourcesFolder() / "UI" / "SITRegSlicer.ui"))
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.logic = SITRegSlicerLogic()
        self.panel = Panel(self.ui, self.logic, resourcesFolder() / "Models")
        scene = slicer.mrmlScene
        for event in (scene.StartCloseEvent, scene.StartImportEvent):
            self.addObserver(scene, event, self.onSceneStartsToChange)
        for event in (scene.EndCloseEvent, scene.EndImportEvent):  # after the node selectors, which are empty first
            self.addObserver(scene, event, self.onSceneChanged, priority=-100.0)
        self.onSceneChanged(scene, "")  # it may have been loaded before

    def enter(self):
        """Called whenever the module is shown."""
        self.panel.enter()

    def cleanup(self):
        """Called before the module is reloaded, and when Slicer ends."""
        self.removeObservers()
        self.panel.close()
        self.logic.shutdown()

    def onSceneStartsToChange(self, _caller, _event):
        """Nodes are about to go, with the memory of their images, or to come: selectors that change are no choice."""
        self.panel.bind(None)
        if self.logic.job is not None and self.logic.job.ended:
            self.logic.job = None

    def onSceneChanged(self, _caller, _event):
        """A loaded scene brings its own choices, and transforms that Slicer interpolates in its own way."""
        useLinearInterpolationEverywhere()
        self.panel.bind(self.logic.getParameters())


class SITRegSlicerLogic(ScriptedLoadableModuleLogic):
    """Registration without the panel, for scripts: never blocks."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self.worker = WorkerProcess(engineCommand())
        self.job = None
        # Whoever drops the logic is done with the worker too, after the job that may still run.
        weakref.finalize(self, self.worker.stopWhenIdle).atexit = False

    def getParameters(self):
        """The panel's choices in the current scene, typed."""
        return RegistrationParameters(self.getParameterNode())

    def register(
        self,
        fixedNode,
        movingNode,
        outputs=None,
        model="sitreg",
        device="auto",
        affine="auto",
        refine="auto",
        finishedCallback=None,
    ):
        """Register two volumes; returns at once with the job (state, fraction, text, cancel(), result, whenFinished).

        `outputs` (OutputChoices) says where results go; by default four new nodes. Raises RequestError.
        """
        wanted = (fixedNode, movingNode, outputs or OutputChoices(), model, device, affine, refine)
        return self.run(RegistrationRequest(*wanted), finishedCallback)

    def run(self, request, finishedCallback=None):
        """The same for a RegistrationRequest, which has every choice there is."""
        if self.job is not None and not self.job.ended:
            raise RequestError("A registration is running: wait for it or cancel it.")
        problem = whatIsMissing(request)
        if problem:
            raise RequestError(problem)
        self.job = RegistrationJob(request, self.worker)
        if finishedCallback is not None:
            self.job.whenFinished(finishedCallback)
        self.job.start()
        return self.job

    def shutdown(self):
        """Stop the job and the worker."""
        if self.job is not None:
            self.job.cancel("The module was closed; the registration was stopped.")
        self.worker.stop()


class SITRegSlicerTest(ScriptedLoadableModuleTest):
    """The same steps as a user, on a small synthetic pair."""

    def runTest(self):
        """Called by "Reload and Test"."""
        slicer.mrmlScene.Clear(0)
        self.delayDisplay("Registering a small synthetic pair")
        registerSyntheticPair()
        self.delayDisplay("Test passed")
