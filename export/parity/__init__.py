"""Parity: the exported graphs against the trainable network, tensor by tensor and task by task."""
