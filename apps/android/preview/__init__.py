"""The app's screens, drawn by a browser from its own layout files: near to what Android draws, no more."""
