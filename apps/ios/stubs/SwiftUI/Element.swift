// Not Apple's: what views are drawn as.

/// An element of a page. As SwiftUI's views it is as large as what is in it, or grows to what room there is.
public struct Element {
    var tag = "div"
    var style: [String: String] = [:]
    var attributes: [String: String] = [:]
    var text = ""
    var children: [Element] = []
    var growsAcross = false
    var growsDown = false
    /// A picture, as large as it fits.
    var keepsRatio = false
    /// It grows along the stack that it lies in, and is nothing across it.
    var isSpacer = false
    /// By which a picker knows it.
    var id: AnyHashable?
    /// Of a label: its words and the name of its sign.
    var sign: (title: String, name: String)?
    /// What stands for it in the bar of tabs.
    var tab: (title: String, name: String)?

    /// What it is in a page.
    var html: String {
        let css = style.sorted { $0.key < $1.key }.map { "\($0):\($1)" }.joined(separator: ";")
        let all = attributes.merging(css.isEmpty ? [:] : ["style": css]) { $1 }
        let words = all.sorted { $0.key < $1.key }.map { " \($0)=\"\(escaped($1))\"" }.joined()
        return "<\(tag)\(words)>\(escaped(text))\(children.map(\.html).joined())\(tag == "img" ? "" : "</\(tag)>")"
    }

    /// All that is in it, and it.
    var all: [Element] { [self] + children.flatMap(\.all) }

    /// Lies among others, one below the other.
    func inColumn() -> Element {
        var changed = self
        changed.style["max-width"] = style["max-width"] ?? "100%"
        changed.style["flex"] = keepsRatio ? "0 1 auto" : growsDown || isSpacer ? "1 1 0" : "none"
        if keepsRatio || growsDown { changed.style["min-height"] = "0" }
        if keepsRatio {
            changed.style["width"] = "100%"
        } else if growsAcross {
            changed.style["align-self"] = "stretch"
        }
        return changed
    }

    /// Lies among others, side by side.
    func inRow() -> Element {
        var changed = self
        changed.style["flex"] = growsAcross || isSpacer ? "1 1 0" : "0 1 auto"
        if growsAcross { changed.style["min-width"] = "0" }
        if growsDown { changed.style["align-self"] = "stretch" }
        return changed
    }

    /// Lies over or under others, in the middle.
    func inPile() -> Element {
        var changed = self
        changed.style["grid-area"] = "1 / 1"
        changed.style["max-width"] = style["max-width"] ?? "100%"
        if growsAcross || keepsRatio {
            changed.style["justify-self"] = "stretch"
            changed.style["width"] = changed.style["width"] ?? "100%"
        }
        if growsDown || keepsRatio {
            changed.style["align-self"] = "stretch"
            changed.style["height"] = changed.style["height"] ?? "100%"
            changed.style["min-height"] = "0"
        }
        return changed
    }
}

/// Elements one over the other, in the middle or at a side.
func pile(_ children: [Element], align: String = "center") -> Element {
    Element(
        style: ["display": "grid", "grid-template": "minmax(0, 1fr) / minmax(0, 1fr)", "place-items": align],
        children: children.map { $0.inPile() }, growsAcross: children.contains { $0.growsAcross },
        growsDown: children.contains { $0.growsDown })
}

/// Elements one below the other.
func column(_ children: [Element], align: String) -> Element {
    Element(
        style: ["display": "flex", "flex-direction": "column", "align-items": align, "gap": "8px"],
        children: children.map { $0.inColumn() }, growsAcross: children.contains { $0.growsAcross },
        growsDown: children.contains { $0.growsDown || $0.isSpacer })
}

/// A text as it stands in a page.
func escaped(_ text: String) -> String {
    [("&", "&amp;"), ("<", "&lt;"), ("\"", "&quot;")].reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
}

/// A size or a place on the screen.
func points(_ length: CGFloat) -> String { "\(Double(length))px" }
