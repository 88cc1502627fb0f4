/// The life of a live camera: what happens to it, and what is to be done then. It knows no screen and no camera. Each camera that it
/// asks for has a number: what happens to one that was given back, or failed, is of no matter any more.
public struct CameraLife: Sendable {
    /// What happens.
    public enum Event: Sendable {
        /// Its screen is there, or gone.
        case appeared, disappeared
        /// The app is in front, or behind.
        case activated, deactivated
        /// To the camera of a number.
        case camera(Int, Happening)
    }

    /// What happens to a camera.
    public enum Happening: Sendable {
        /// It was asked for and is ready.
        case opened
        /// The system or another app took it, and gave it back: it then goes on by itself.
        case interrupted, interruptionEnded
        /// The system's media services began anew: all cameras stand still.
        case mediaServicesReset
        /// It cannot go on, or was not had at all; one line says why.
        case failed(String)
    }

    /// What is to be done.
    public enum Step: Equatable, Sendable {
        case nothing
        /// Ask for the camera of this number; ends with `opened` or `failed`.
        case open(Int)
        /// Let frames come, or come again; harmless where they do.
        case start
        /// Let none come for a while.
        case stop
        /// Give the camera back.
        case close
    }

    private enum State { case closed, opening, open }

    /// What there is to say; empty while all is well.
    public private(set) var notice = ""

    private var state = State.closed
    private var number = 0
    private var isShown = false
    private var isActive = true

    public init() {}

    /// Whether a camera is the one that was asked for last, and was neither given back nor failed.
    public func counts(_ camera: Int) -> Bool { state != .closed && camera == number }

    /// Takes what has happened; returns what is to be done.
    public mutating func handle(_ event: Event) -> Step {
        switch event {
        case .appeared: isShown = true
        case .disappeared: isShown = false
        case .activated: isActive = true
        case .deactivated: isActive = false
        case .camera(let camera, let happening): return counts(camera) ? handle(happening) : .nothing
        }
        return next()
    }

    private mutating func handle(_ happening: Happening) -> Step {
        switch happening {
        case .opened: state = .open
        case .interrupted:
            notice = "the camera is in use elsewhere; it goes on here as soon as it is free"
            return .nothing
        case .interruptionEnded, .mediaServicesReset: break
        case .failed(let words):
            notice = isShown ? words : ""
            return close()
        }
        return next()
    }

    private mutating func next() -> Step {
        if !isShown {
            notice = ""
            // A camera that was asked for comes, and is given back then.
            return state == .opening ? .nothing : close()
        }
        switch state {
        case .opening: return .nothing
        case .open where !isActive: return .stop
        case .open:
            notice = ""
            return .start
        case .closed:
            if !isActive { return .nothing }
            notice = ""
            state = .opening
            number += 1
            return .open(number)
        }
    }

    private mutating func close() -> Step {
        let wasOpen = state == .open
        state = .closed
        return wasOpen ? .close : .nothing
    }
}
