"""Ranges: two values that keep their order."""

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

from headless.declare import stored


def limitProperty(index):
    """`minimum` (index 0) or `maximum` (index 1) of the range."""

    def write(self, value):
        limits = list(self._limits)
        limits[index] = float(value)
        self.setRange(*limits)

    return Property(float, lambda self: self._limits[index], write)


def valueProperty(index):
    """`minimumValue` (index 0) or `maximumValue` (index 1)."""

    def write(self, value):
        values = list(self._values)
        values[index] = float(value)
        self.setValues(*values)

    return Property(float, lambda self: self._values[index], write)


class ctkDoubleRangeSlider(QtWidgets.QWidget):
    """Two values inside limits; it has no face here."""

    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    rangeChanged = Signal(float, float)
    cppSignals = (
        "valuesChanged(double,double)",
        "minimumValueChanged(double)",
        "maximumValueChanged(double)",
        "rangeChanged(double,double)",
    )

    def __init__(self, parent=None):
        super().__init__(parent)
        self._limits = (0.0, 99.0)
        self._values = (0.0, 99.0)

    minimum = limitProperty(0)
    maximum = limitProperty(1)
    minimumValue = valueProperty(0)
    maximumValue = valueProperty(1)
    singleStep = stored(float, "singleStep", 1.0)

    def setRange(self, minimum, maximum):
        """Set the limits; the values follow into them."""
        self._limits = (float(minimum), max(float(minimum), float(maximum)))
        self.rangeChanged.emit(*self._limits)
        self.setValues(*self._values)

    def setValues(self, low, high):
        """Set both values, held within the limits and in order."""
        low, high = (min(max(float(value), self._limits[0]), self._limits[1]) for value in (low, high))
        before, self._values = self._values, (min(low, high), max(low, high))
        if self._values[0] != before[0]:
            self.minimumValueChanged.emit(self._values[0])
        if self._values[1] != before[1]:
            self.maximumValueChanged.emit(self._values[1])
        if self._values != before:
            self.valuesChanged.emit(*self._values)

    def setMinimumValue(self, value):
        """Slot of the lower value."""
        self.minimumValue = value

    def setMaximumValue(self, value):
        """Slot of the upper value."""
        self.maximumValue = value


class ctkRangeWidget(ctkDoubleRangeSlider):
    """The same with spin boxes beside it."""

    decimals = stored(int, "decimals", 2)
    prefix = stored(str, "prefix", "")
    suffix = stored(str, "suffix", "")
