"""The iOS app, and the tools that build and test it here."""
