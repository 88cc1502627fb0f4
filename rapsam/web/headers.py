"""What every answer tells a browser: load from here only, keep nothing, share nothing with others."""

from __future__ import annotations

_BASE_POLICY = {
    "default-src": "'self'",
    "media-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "img-src": "'self' blob: data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
}
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""What a browser asks for before it gives a page threads and exact clocks."""
_HEADERS = {
    **ISOLATION,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def answer_headers(size: int, kind: str, scripts: tuple[str, ...]) -> dict[str, str]:
    """Lists the headers of an answer.

    Args:
        size: Bytes of its body.
        kind: Media type.
        scripts: See `rapsam.web.files.Shown`.
    """
    policy = {**_BASE_POLICY, "script-src": " ".join(("'self'", "'wasm-unsafe-eval'", *scripts))}
    return {
        **_HEADERS,
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Content-Type": kind,
        "Content-Length": str(size),
        "Connection": "close",
    }
