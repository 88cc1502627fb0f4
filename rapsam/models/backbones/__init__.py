"""Image backbones: a file each, with a configuration that follows `backbone.BackboneConfig`."""
