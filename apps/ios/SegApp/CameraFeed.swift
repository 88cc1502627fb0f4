@preconcurrency import AVFoundation
import CoreVideo
import Foundation
import SegCore
import UIKit

/// A frame, with what is in it painted over.
struct SeenFrame: Sendable {
    let image: UIImage
    let entries: [FoundEntry]
    let milliseconds: Double
}

/// The camera at the back; `CameraLife` says what becomes of it. Frames are looked at on the worker's queue, so those that come meanwhile are dropped by the system.
final class CameraFeed: NSObject, AVCaptureVideoDataOutputSampleBufferDelegate, @unchecked Sendable {
    /// Told of every frame.
    typealias Seeing = @Sendable (SeenFrame) -> Void

    /// Told of what happens to the camera.
    typealias Happening = @Sendable (CameraLife.Happening) -> Void

    private let session = AVCaptureSession()
    private let worker: ModelWorker
    private let seeing: Seeing
    private let happening: Happening
    private var frames = FramePicture()
    private var observers: [any NSObjectProtocol] = []

    /// Asks whether the camera may be used, and makes it ready.
    ///
    /// - Throws: `Problem` if there is none, or it is refused or in use.
    static func opened(
        _ worker: ModelWorker, seeing: @escaping Seeing, happening: @escaping Happening
    ) async throws -> CameraFeed {
        let camera = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: .back)
        let isAllowed = camera == nil ? false : await AVCaptureDevice.requestAccess(for: .video)
        if let problem = cameraProblem(isThere: camera != nil, isAllowed: isAllowed) { throw problem }
        guard let camera, let input = try? AVCaptureDeviceInput(device: camera) else {
            throw Problem("the camera does not open; close other apps that use it, and try again")
        }
        return try CameraFeed(input, worker, seeing, happening)
    }

    private init(
        _ input: AVCaptureDeviceInput, _ worker: ModelWorker, _ seeing: @escaping Seeing,
        _ happening: @escaping Happening
    ) throws {
        self.worker = worker
        self.seeing = seeing
        self.happening = happening
        super.init()
        let output = AVCaptureVideoDataOutput()
        output.videoSettings = [kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA]
        output.alwaysDiscardsLateVideoFrames = true
        output.setSampleBufferDelegate(self, queue: worker.queue)
        session.sessionPreset = .vga640x480
        guard session.canAddInput(input), session.canAddOutput(output) else {
            throw Problem("the camera gives no frames that this app reads; choose a photo instead")
        }
        session.addInput(input)
        session.addOutput(output)
        // The app is held upright; the sensor lies on its side.
        if let connection = output.connection(with: .video), connection.isVideoRotationAngleSupported(90) {
            connection.videoRotationAngle = 90
        }
        tell(AVCaptureSession.wasInterruptedNotification) { _ in .interrupted }
        tell(AVCaptureSession.interruptionEndedNotification) { _ in .interruptionEnded }
        tell(AVCaptureSession.runtimeErrorNotification) { note in
            let error = note.userInfo?[AVCaptureSessionErrorKey] as? AVError
            return error?.code == .mediaServicesWereReset
                ? .mediaServicesReset
                : .failed("the camera stopped; close other apps that use it, and come back to this screen")
        }
    }

    private func tell(
        _ name: NSNotification.Name, _ event: @escaping @Sendable (Notification) -> CameraLife.Happening
    ) {
        observers.append(
            NotificationCenter.default.addObserver(forName: name, object: session, queue: nil) { [happening] note in
                happening(event(note))
            })
    }

    deinit {
        for observer in observers { NotificationCenter.default.removeObserver(observer) }
    }

    /// Lets frames come.
    func start() {
        worker.queue.async { [session] in session.startRunning() }
    }

    /// Lets none come any more.
    func stop() {
        worker.queue.async { [session] in session.stopRunning() }
    }

    func captureOutput(
        _ output: AVCaptureOutput, didOutput sample: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        guard let buffer = sample.imageBuffer else { return }
        do {
            let start = ContinuousClock.now
            let frame = try picture(of: buffer)
            let view = try worker.onQueue { desk in
                try desk.painter().painted(desk.camera().look(at: frame), on: frame)
            }
            let image = try shownImage(view.picture)
            let passed = (ContinuousClock.now - start) / .milliseconds(1)
            seeing(SeenFrame(image: image, entries: view.entries, milliseconds: passed))
        } catch {
            happening(.failed(told(error)))
        }
    }

    private func picture(of buffer: CVPixelBuffer) throws -> Picture {
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        guard let start = CVPixelBufferGetBaseAddress(buffer) else {
            throw Problem("the camera gave an empty frame; close other apps that use it, and try again")
        }
        let size = PixelSize(height: CVPixelBufferGetHeight(buffer), width: CVPixelBufferGetWidth(buffer))
        let perRow = CVPixelBufferGetBytesPerRow(buffer)
        let bytes = UnsafeRawBufferPointer(start: start, count: perRow * size.height)
        return try frames.take(bytes, size: size, bytesPerRow: perRow)
    }
}
