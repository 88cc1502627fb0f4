// Not Apple's: walks through the views of an app, keeps their state, and writes them as a page. Orders come as lines of JSON, and
// each is answered by a line: the page as it is then.

@MainActor
protocol Drawable {
    func draw(on stage: Stage) -> [Element]
}

/// What is asked of the stage: what a finger does somewhere, and how large things are that ask for it.
struct Order: Decodable, Sendable {
    /// As in `data-place`; nil to look only.
    var place: String?
    /// Where it is tapped, or held, then dragged to.
    var at: [Double]?
    var to: [Double]?
    var isUp: Bool?
    /// Of what can be chosen, the how many-th.
    var choice: Int?
    /// A photo that is picked.
    var file: String?
    /// By `data-measured`.
    var sizes: [String: [Double]]?
}

@MainActor
public final class Stage {
    static let shared = Stage()

    /// What views within others find.
    struct Surroundings {
        var isEnabled = true
        var isSegmented = false
        var buttons = "plain"
        var shownTab: Tab?
    }

    /// What is there while a view is.
    private struct Presence {
        var task: Task<Void, Never>?
        var leave: () -> Void = {}
    }

    var around = Surroundings()
    private(set) var sizes: [String: CGSize] = [:]
    private var path: [String] = []
    private var kept: [String: AnyObject] = [:]
    private var watched: [String: Any] = [:]
    private var present: [String: Presence] = [:]
    private var seen: Set<String> = []
    private var later: [() -> Void] = []
    private var handlers: [String: [(Order) -> Void]] = [:]

    /// Where the view is that is being drawn.
    var place: String { path.joined(separator: "/") }

    /// Draws a view, which finds the state that it had.
    func draw<Content: View>(_ view: Content, as name: String) -> [Element] {
        path.append(name)
        defer { path.removeLast() }
        for child in Mirror(reflecting: view).children {
            guard let label = child.label, let state = child.value as? any Lasting else { continue }
            // Also of views that are not there now: of those that the app has, only tabs go and come again.
            if let before = kept["\(place) \(label)"] {
                state.take(before)
            } else {
                kept["\(place) \(label)"] = state.place
            }
        }
        if let drawable = view as? any Drawable { return drawable.draw(on: self) }
        if Content.Body.self == Never.self { fatalError("nothing here draws a \(Content.self)") }
        return draw(view.body, as: "\(Content.self)")
    }

    /// Does something with what views within this one find.
    func within<Result>(_ change: (inout Surroundings) -> Void, _ work: () -> Result) -> Result {
        let before = around
        defer { around = before }
        change(&around)
        return work()
    }

    /// Whom to tell what a finger does to an element; several listen where it is that of one view.
    func listen(_ element: inout Element, _ handler: @escaping (Order) -> Void) {
        let place = element.attributes["data-place"] ?? place
        element.attributes["data-place"] = place
        handlers[place, default: []].append(handler)
    }

    /// Begins something with a view, unless it is going on, and ends it with it.
    func appear(_ begin: () -> Task<Void, Never>?, leave: @escaping () -> Void = {}) {
        seen.insert(place)
        if present[place] == nil { present[place] = Presence(task: begin()) }
        present[place]?.leave = leave
    }

    /// Compares a value with the one of the last drawing.
    func watch<Value: Equatable>(_ value: Value, _ action: @escaping (Value, Value) -> Void) {
        if let before = watched[place] as? Value, before != value { later.append { action(before, value) } }
        watched[place] = value
    }

    /// Shows an app, until nobody has orders any more.
    func open(_ content: @escaping @MainActor (Stage) -> [Element]) {
        Thread.detachNewThread {
            while let line = readLine() {
                DispatchQueue.main.sync {
                    MainActor.assumeIsolated {
                        let page = self.answer(line, content)
                        let text = try! JSONEncoder().encode(["page": page])
                        FileHandle.standardOutput.write(text + Data("\n".utf8))
                    }
                }
            }
            exit(0)
        }
        RunLoop.main.run()
    }

    private func answer(_ line: String, _ content: (Stage) -> [Element]) -> String {
        let order = try! JSONDecoder().decode(Order.self, from: Data(line.utf8))
        for (name, size) in order.sizes ?? [:] { sizes[name] = CGSize(width: size[0], height: size[1]) }
        if let place = order.place {
            guard let listening = handlers[place] else { fatalError("nothing at \(place) listens") }
            for handler in listening { handler(order) }
        }
        var drawn = redraw(content)
        while !later.isEmpty {
            let waiting = later
            later = []
            for action in waiting { action() }
            drawn = redraw(content)
        }
        return page(pile(drawn))
    }

    private func redraw(_ content: (Stage) -> [Element]) -> [Element] {
        handlers = [:]
        seen = []
        let drawn = content(self)
        for (place, gone) in present where !seen.contains(place) {
            gone.task?.cancel()
            gone.leave()
            present[place] = nil
        }
        return drawn
    }
}
