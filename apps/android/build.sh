#!/usr/bin/env bash
# Builds the Android app into apps/android/build, signed, one APK for each binary interface:
#
#   apps/android/build.sh [--bundle BUNDLE]
#
# It needs the environment of `make setup`, a JDK 17 or later, npm, and apt of Debian; what else it needs it fetches once,
# by name, version and digest, into the user's cache: 388 MB for a bundle of ONNX, less for others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec "${PYTHON:-.venv/bin/python}" -m apps.android.toolchain.build "$@"
