// Not Apple's: the page around what is drawn, and signs in the place of SF Symbols.

/// A page as high and wide as the window, whose top and bottom are the system's.
func page(_ drawn: Element) -> String {
    var screen = drawn
    screen.attributes["id"] = "screen"
    return
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>App</title><style>\(look)</style>\(screen.html)</html>"
}

private let look = """
    :root { --sans: "DejaVu Sans Condensed", sans-serif; --mono: "DejaVu Sans Mono", monospace; --top: 20px; --bottom: 0px;
      --ground: #fff; --ink: #000; --secondary: #3c3c4399; --tint: #007aff; --off: #3c3c434d; --red: #ff3b30; --fill: #7878801f;
      --raised: #fff; --bar: #f9f9f9; --line: #3c3c434a; }
    @media (prefers-color-scheme: dark) { :root { --ground: #000; --ink: #fff; --secondary: #ebebf599; --tint: #0a84ff;
      --off: #ebebf54d; --red: #ff453a; --fill: #7878803d; --raised: #636366; --bar: #161616; --line: #54545899; } }
    @media (min-height: 780px) { :root { --top: 59px; --bottom: 34px; } }
    * { box-sizing: border-box; margin: 0; }
    html, body { height: 100%; overflow: hidden; background: var(--ground); color: var(--ink); font: 17px / 22px var(--sans); }
    #screen { height: 100%; padding-top: var(--top); }
    span { white-space: pre-wrap; overflow-wrap: anywhere; }
    img { display: block; object-fit: contain; }
    button { all: unset; color: var(--tint); text-align: center; }
    button.bordered { background: var(--fill); border-radius: 7px; padding: 6px 12px; }
    button.prominent { background: var(--tint); color: #fff; border-radius: 7px; padding: 6px 12px; }
    button[disabled] { color: var(--off); background: var(--fill); }
    .menu[aria-disabled] { color: var(--off); }
    .progress { width: 20px; height: 20px; border-radius: 50%; border: 3px dotted var(--secondary); }
    .menu { color: var(--tint); display: flex; gap: 4px; align-items: center; padding: 6px 0; }
    .segments { display: flex; background: var(--fill); border-radius: 9px; padding: 2px; text-align: center; }
    .segments > * { flex: 1 1 0; min-width: 0; font-size: 13px; line-height: 18px; padding: 5px 0; border-radius: 7px; }
    .segments > [aria-checked=true] { background: var(--raised); font-weight: 600; box-shadow: 0 1px 3px #0003; }
    .tabs { display: flex; flex: none; border-top: 0.5px solid var(--line); background: var(--bar); padding-bottom: var(--bottom); }
    .tabs > * { flex: 1 1 0; height: 48px; padding-top: 5px; display: flex; flex-direction: column; align-items: center;
      font-size: 10px; line-height: 14px; color: var(--secondary); }
    .tabs > [aria-selected=true] { color: var(--tint); }
    """

/// Draws a sign.
func signElement(_ name: String) -> Element {
    guard let strokes = signs[name] else { fatalError("nothing here draws the sign \(name)") }
    let path = Element(
        tag: "path", attributes: ["d": strokes, "fill": "none", "stroke": "currentColor", "stroke-width": "1.6"])
    return Element(
        tag: "svg", attributes: ["width": "26", "height": "26", "viewBox": "0 0 26 26", "aria-hidden": "true"],
        children: [path])
}

private let signs = [
    "photo": "M3 5h20v16H3z M3 18l6-6 5 5 3-3 6 5 M17.5 9.5h1",
    "camera": "M3 8h5l2-3h6l2 3h5v13H3z M17 14a4 4 0 1 1-8 0a4 4 0 1 1 8 0z",
    "checkmark.seal":
        "M13 3l3 2 3.6.4.4 3.6 2 3-2 3-.4 3.6-3.6.4-3 2-3-2-3.6-.4-.4-3.6-2-3 2-3 .4-3.6 3.6-.4z M9 12.5l3 3 5-6",
    "timer": "M22 14a9 9 0 1 1-18 0a9 9 0 1 1 18 0z M13 5v-2 M10 2.5h6 M13 14v-5",
]
