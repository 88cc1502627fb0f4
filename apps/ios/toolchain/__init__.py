"""Builds and tests the iOS app's code on Linux, without Apple's tools."""
