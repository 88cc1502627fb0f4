"""The sample app for Android; its build tools are in `toolchain`."""
