"""slicer.i18n: texts stay as they are, there is no translation."""


def tr(text):
    """The text."""
    return text


def translate(context, text):
    """The text."""
    return text
