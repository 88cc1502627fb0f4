"""Reading images and videos, writing results."""
