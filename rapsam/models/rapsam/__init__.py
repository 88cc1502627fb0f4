"""The RAP-SAM family: configurations, parts, checkpoint names, deployable graphs."""
