"""Builds the Android app: one signed APK for each binary interface, into `apps/android/build`.

python -m apps.android.toolchain.build [--bundle BUNDLE]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from apps.android.toolchain.api_jar import java_jar
from apps.android.toolchain.apk import Badging, check_apk, read_badging, write_apk
from apps.android.toolchain.commands import JAVA, compile_kotlin, java, run
from apps.android.toolchain.jvm import APP, BUILD, MODULES, engine_classes
from apps.android.toolchain.native import FBJNI, build_fbjni
from apps.android.toolchain.tools import (
    ABIS,
    API_LEVEL,
    FOR_APK,
    TENSORFLOW_LITE,
    Tools,
    fetch_tools,
    program,
)
from rapsam import __version__
from rapsam.errors import ExportError, InputError, RapSamError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.bundle.seal import verify_runnable

PACKAGE = "org.rapsam.sample"
TARGETS = ("onnx", "tflite", "executorch")
"""Of bundles that the app runs."""
MIN_API = 26
MAX_BYTES = 40_000_000
"""Of one APK with the bundle of the smallest network."""
PERMISSIONS = ("android.permission.CAMERA",)
"""All that the app may ask for: no network."""
_EXPORT = ("export", "--model", "rapsam_nano", "--checkpoint", "nano-synth", "--target", "onnx")
_SMALL = ("--size", "256x256", "--out")
"""Small enough for a camera."""
_BUNDLE = "onnx-fp32"
_KEY_WORDS = "android"
"""Of a key that is made here, for this folder: whoever publishes an app signs it with another."""


def build_apks(bundle: Path, suffix: str, tools: Tools) -> list[Path]:
    """Builds the app.

    Args:
        bundle: What it is to hold; verified.
        suffix: Of its graphs: what runs them comes into the app, too.
        tools: All of them.

    Returns:
        An APK for each binary interface.

    Raises:
        ExportError: If a tool fails, or what came out is not what was wanted.
    """
    scratch = BUILD / "apk"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "dex").mkdir(parents=True)
    base = _link_resources(tools, bundle, scratch)
    dex = _compile(tools, scratch)
    key = _key()
    made = []
    for abi in ABIS:
        libraries = {
            f"lib/{abi}/{name}": path.read_bytes()
            for name, path in _libraries(tools, abi, suffix, scratch).items()
        }
        unsigned, apk = scratch / f"{abi}.unsigned.apk", BUILD / f"rapsam-sample-{abi}.apk"
        write_apk(base, {"classes.dex": dex.read_bytes(), **libraries}, unsigned)
        _sign(tools, unsigned, apk, key)
        _check(tools, apk, abi)
        made.append(apk)
    return made


def _libraries(tools: Tools, abi: str, suffix: str, scratch: Path) -> dict[str, Path]:
    libraries = tools.libraries(abi, suffix)
    if suffix == ".pte":
        libraries[FBJNI] = build_fbjni(abi, scratch / "native" / abi)
    return libraries


def _link_resources(tools: Tools, bundle: Path, scratch: Path) -> Path:
    """Links manifest, resources and the bundle; writes the class R and rules for R8 beside."""
    aapt2, source = tools.android / "aapt2", APP / "app" / "src" / "main"
    assets = scratch / "assets"
    shutil.copytree(bundle, assets / "bundle")
    # Android's own builds put the name in; so is it here.
    manifest = (
        (source / "AndroidManifest.xml")
        .read_text()
        .replace("<manifest ", f'<manifest package="{PACKAGE}" ', 1)
    )
    (scratch / "AndroidManifest.xml").write_text(manifest)
    run([aapt2, "compile", "--dir", source / "res", "-o", scratch / "res.zip"])
    command: list[str | Path] = [
        aapt2,
        "link",
        "-o",
        scratch / "base.apk",
        "-I",
        tools.android / "framework-res.jar",
    ]
    command += ["--manifest", scratch / "AndroidManifest.xml", "-A", assets, "--java", scratch / "gen"]
    command += ["--proguard", scratch / "resources.pro"]
    command += ["--min-sdk-version", str(MIN_API), "--target-sdk-version", str(API_LEVEL)]
    command += ["--version-code", "1", "--version-name", __version__, scratch / "res.zip"]
    run(command)
    return scratch / "base.apk"


def _compile(tools: Tools, scratch: Path) -> Path:
    """Compiles everything, and makes of it what Android runs: only what is used."""
    resources, classes = scratch / "r.jar", scratch / "classes.jar"
    sources = sorted((scratch / "gen").rglob("*.java"))
    javac = [program("javac", "a JDK, version 17 or later"), "--release", JAVA, "-Xlint:-options", "-Werror"]
    run([*javac, "-d", scratch / "r", *sources])
    run([program("jar", "a JDK"), "cf", resources, "-C", scratch / "r", "."])
    used = [tools.api_classes, *engine_classes(tools), resources]
    compile_kotlin(
        tools, [APP / name / "src" / "main" / "kotlin" for name in (*MODULES, "app")], used, classes
    )
    arguments: list[str | Path] = ["--release", "--min-api", str(MIN_API), "--output", scratch / "dex"]
    java_classes = scratch / "java.jar"
    java_classes.write_bytes(java_jar(_jdk() / "lib" / "ct.sym", JAVA))
    for library in (tools.api_classes, java_classes):
        arguments += ["--lib", library]
    for rule in (APP / "app" / "rules.pro", scratch / "resources.pro"):
        arguments += ["--pg-conf", rule]
    arguments += [classes, resources, *engine_classes(tools), tools.kotlin_library]
    java(tools.android / "r8.jar", "com.android.tools.r8.R8", *arguments)
    return scratch / "dex" / "classes.dex"


def _jdk() -> Path:
    """Returns the folder of the JDK."""
    return Path(program("javac", "a JDK, version 17 or later")).resolve().parents[1]


def _key() -> Path:
    key = BUILD / "key.p12"
    if not key.exists():
        keytool = program("keytool", "a JDK")
        command: list[str | Path] = [keytool, "-genkeypair", "-keystore", key, "-storetype", "PKCS12"]
        command += ["-storepass", _KEY_WORDS, "-alias", "key", "-keyalg", "RSA", "-keysize", "2048"]
        run([*command, "-validity", "10000", "-dname", "CN=RapSAM sample"])
    return key


def _sign(tools: Tools, unsigned: Path, apk: Path, key: Path) -> None:
    command: list[str | Path] = [program("java", "a JDK"), "-jar", tools.android / "apksigner.jar"]
    signing: list[str | Path] = [
        "--ks",
        key,
        "--ks-pass",
        f"pass:{_KEY_WORDS}",
        "--min-sdk-version",
        str(MIN_API),
    ]
    run([*command, "sign", *signing, "--out", apk, unsigned])
    run([*command, "verify", "-Werr", "--min-sdk-version", str(MIN_API), apk])
    apk.with_name(f"{apk.name}.idsig").unlink(missing_ok=True)


def _check(tools: Tools, apk: Path, abi: str) -> None:
    """Checks that the app is what was wanted.

    Raises:
        ExportError: If it is not.
    """
    check_apk(apk)
    told = read_badging(run([tools.android / "aapt2", "dump", "badging", apk]))
    wanted = Badging(PACKAGE, str(MIN_API), str(API_LEVEL), f"{PACKAGE}.MainActivity", PERMISSIONS, (abi,))
    if told != wanted:
        raise ExportError(f"{apk.name} says {told}; expected {wanted}")
    with zipfile.ZipFile(apk) as archive:
        telemetry = b"telemetry/HttpClient" in archive.read("classes.dex")
    if telemetry:
        raise ExportError(f"{apk.name} holds classes that send telemetry; expected none")
    if apk.stat().st_size > MAX_BYTES:
        raise ExportError(f"{apk.name} has {apk.stat().st_size:,} bytes; expected at most {MAX_BYTES:,}")


def _own_bundle() -> Path:
    """Exports the bundle of the smallest network, if that has not been done."""
    folder = BUILD / "bundles"
    print("making a bundle of rapsam_nano", flush=True)
    done = subprocess.run([sys.executable, "-m", "rapsam", *_EXPORT, *_SMALL, str(folder)], check=False)
    if done.returncode != 0:
        raise ExportError("the bundle of rapsam_nano could not be made; see above")
    return folder / _BUNDLE


def graph_suffix(bundle: Path, recipe: str) -> str:
    """Returns what all graphs of a bundle end in, which has a recipe of that name.

    Raises:
        InputError: If nothing in the app runs them.
    """
    target = RECIPES[recipe].backend
    if target not in TARGETS:
        raise InputError(
            f"{bundle} is of --target {target}, which the app does not run; expected {', '.join(TARGETS)}"
        )
    return BACKENDS[target].suffix


def build_app(bundle: Path | None) -> list[Path]:
    """Fetches the tools, and builds the app.

    Args:
        bundle: What the app is to hold; None for one of the smallest network.

    Returns:
        See `build_apks`.

    Raises:
        RapSamError: If that cannot be done.
    """
    bundle = bundle or _own_bundle()
    suffix = graph_suffix(bundle, verify_runnable(bundle).recipe)
    also = (TENSORFLOW_LITE,) if suffix == ".tflite" else ()
    tools = fetch_tools(lambda line: print(line, flush=True), (*FOR_APK, *also))
    print("building the app", flush=True)
    return build_apks(bundle, suffix, tools)


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds the app."""
    parser = argparse.ArgumentParser(prog="apps/android/build.sh", description="Builds the Android app.")
    parser.add_argument("--bundle", type=Path, help="what the app is to hold; default: one of rapsam_nano")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        for apk in build_app(options.bundle):
            print(f"{apk}  {apk.stat().st_size / 1e6:.1f} MB")
        print(f"done in {time.monotonic() - start:.0f} s")
    except RapSamError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
