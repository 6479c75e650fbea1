"""Colour table files that Slicer ships in share/ColorFiles and slicer-core does not."""

import colorsys


def writeColorFiles(folder):
    """Write the tables that scripts ask for by name; the node's ID follows from the file name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "DivergingBlueRed.txt").write_text(divergingBlueRed())
    (folder / "GenericColors.txt").write_text(genericColors())


def divergingBlueRed():
    """256 colours, blue over near-white to red: name and node ID are Slicer's, the straight ramps are our own."""
    low, middle, high = (59, 76, 192), (221, 221, 221), (180, 4, 38)
    lines = ["# Diverging blue to red (stand-in)"]
    for index in range(256):
        share = index / 127.5
        start, end, part = (low, middle, share) if share <= 1 else (middle, high, share - 1)
        rgb = [round(a + (b - a) * part) for a, b in zip(start, end, strict=True)]
        lines.append(f"{index} color_{index} {rgb[0]} {rgb[1]} {rgb[2]} 255")
    return "\n".join(lines) + "\n"


def genericColors():
    """Black and 300 distinct colours: the table that label maps get by default."""
    lines = ["# Generic colours (stand-in)", "0 background 0 0 0 0"]
    for index in range(1, 301):
        hue = index * 0.618034 % 1  # steps of the golden section keep neighbours apart
        rgb = [round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.7, 0.95)]
        lines.append(f"{index} generic_{index} {rgb[0]} {rgb[1]} {rgb[2]} 255")
    return "\n".join(lines) + "\n"
