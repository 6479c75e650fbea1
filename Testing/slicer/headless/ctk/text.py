"""Text: search line, browser, message box."""

from PySide6 import QtWidgets

from headless.declare import stored


class ctkSearchBox(QtWidgets.QLineEdit):
    """A line to search in."""

    showSearchIcon = stored(bool, "showSearchIcon", False)


class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A browser as tall as its text."""

    collapsed = stored(bool, "collapsed", True)


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that can be told not to come back."""

    dontShowAgain = stored(bool, "dontShowAgain", False)
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")
