"""What builds and tests the Android app without Google's tools: packages, compilers, archives."""
