"""From an image or a video to results, whatever runs the network."""
