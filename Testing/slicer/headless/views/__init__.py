"""MRML views rendered off screen, with Slicer's own displayable managers."""
