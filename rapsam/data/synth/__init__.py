"""A drawn world of shapes and surfaces: images and videos without end, with exact masks."""
