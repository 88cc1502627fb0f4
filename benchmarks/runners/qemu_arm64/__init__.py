"""Bundles in arm64 programs under qemu: what a phone's kernels compute, on a machine without one."""
