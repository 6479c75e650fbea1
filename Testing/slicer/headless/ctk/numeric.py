"""Numbers by slider or spin box."""

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from headless.declare import forwarded, stored

SLIDER_STEPS = 1000


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box beside it; the spin box holds the value."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    cppSignals = ("valueChanged(double)", "valueIsChanging(double)", "decimalsChanged(int)")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox()
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._slider.setRange(0, SLIDER_STEPS)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider, 1)
        row.addWidget(self._box)
        self._box.valueChanged.connect(self._onBoxChanged)
        self._slider.valueChanged.connect(self._onSliderMoved)

    value = forwarded(float, "_box", "value")
    minimum = forwarded(float, "_box", "minimum")
    maximum = forwarded(float, "_box", "maximum")
    singleStep = forwarded(float, "_box", "singleStep")
    prefix = forwarded(str, "_box", "prefix")
    suffix = forwarded(str, "_box", "suffix")
    tracking = forwarded(bool, "_slider", "tracking")
    pageStep = stored(float, "pageStep", 1.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    spinBoxVisible = stored(bool, "spinBoxVisible", True, lambda self, value: self._box.setVisible(value))
    decimals = Property(int, lambda self: self._box.decimals, lambda self, value: self.setDecimals(value))

    def setValue(self, value):
        """Slot of the value."""
        self._box.value = value

    def setDecimals(self, decimals):
        """Slot of the number of decimals."""
        self._box.decimals = decimals
        self.decimalsChanged.emit(decimals)

    def reset(self):
        """CTK's reset puts 0, as near as the range allows."""
        self._box.value = 0.0

    def _onBoxChanged(self, value):
        span = self._box.maximum - self._box.minimum
        self._slider.blockSignals(True)
        self._slider.value = round(SLIDER_STEPS * (value - self._box.minimum) / span) if span else 0
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)

    def _onSliderMoved(self, step):
        span = self._box.maximum - self._box.minimum
        self.valueIsChanging.emit(self._box.minimum + span * step / SLIDER_STEPS)
        self._box.value = self._box.minimum + span * step / SLIDER_STEPS


class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider of real numbers without a spin box."""

    valueChanged = Signal(float)
    cppSignals = ("valueChanged(double)",)

    def __init__(self, parent=None):
        super().__init__(parent)

    minimum = stored(float, "minimum", 0.0)
    maximum = stored(float, "maximum", 99.0)
    singleStep = stored(float, "singleStep", 1.0)
    pageStep = stored(float, "pageStep", 10.0)
    tracking = stored(bool, "tracking", True)
    value = Property(float, lambda self: self.__dict__.get("_value", 0.0), lambda self, value: self.setValue(value))

    def setValue(self, value):
        """Slot of the value, held within the range."""
        value = min(max(float(value), self.minimum), self.maximum)
        if value != self.value:
            self.__dict__["_value"] = value
            self.valueChanged.emit(value)


class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A spin box of real numbers; in CTK it is a widget that contains one."""

    valueChanged = Signal(float)
    editingFinished = Signal()
    cppSignals = ("valueChanged(double)", "editingFinished()")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox()
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box)
        self._box.valueChanged.connect(self.valueChanged)
        self._box.editingFinished.connect(self.editingFinished)

    value = forwarded(float, "_box", "value")
    minimum = forwarded(float, "_box", "minimum")
    maximum = forwarded(float, "_box", "maximum")
    singleStep = forwarded(float, "_box", "singleStep")
    decimals = forwarded(int, "_box", "decimals")
    prefix = forwarded(str, "_box", "prefix")
    suffix = forwarded(str, "_box", "suffix")

    def setValue(self, value):
        """Slot of the value."""
        self._box.value = value
