// What the app uses of AVFoundation and Core Media.
@_exported import CoreVideo
@_exported import Foundation

/// Files that a camera sees one after another, over and over, where this variable names a folder of them; else there is none. Not Apple's.
private let frames: [CGImage] = {
    guard let folder = ProcessInfo.processInfo.environment["STAGE_CAMERA"] else { return [] }
    let files = try! FileManager.default.contentsOfDirectory(
        at: URL(fileURLWithPath: folder), includingPropertiesForKeys: nil)
    return files.sorted { $0.path < $1.path }.map { CGImage(bitmap: try! Data(contentsOf: $0))! }
}()

public final class CMSampleBuffer {
    public let imageBuffer: CVPixelBuffer?
    init(_ frame: CGImage) { imageBuffer = CVPixelBuffer(frame) }
}

public struct AVMediaType: Sendable {
    public static let video = AVMediaType()
}

public class AVCaptureInput: NSObject {}
public class AVCaptureOutput: NSObject {
    let connection = AVCaptureConnection()
    public func connection(with mediaType: AVMediaType) -> AVCaptureConnection? { connection }
}

public final class AVCaptureConnection: NSObject {
    public var videoRotationAngle: CGFloat = 0
    public func isVideoRotationAngleSupported(_ videoRotationAngle: CGFloat) -> Bool { videoRotationAngle == 90 }
}

public final class AVCaptureDevice: NSObject, @unchecked Sendable {
    public struct DeviceType: Sendable {
        public static let builtInWideAngleCamera = DeviceType()
    }
    public enum Position: Int, Sendable { case unspecified, back, front }
    public class func `default`(_ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position)
        -> AVCaptureDevice?
    {
        frames.isEmpty ? nil : AVCaptureDevice()
    }
    public class func requestAccess(for mediaType: AVMediaType) async -> Bool { true }
}

public final class AVCaptureDeviceInput: AVCaptureInput {
    public init(device: AVCaptureDevice) throws {}
}

public protocol AVCaptureVideoDataOutputSampleBufferDelegate: AnyObject {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)
}

public final class AVCaptureVideoDataOutput: AVCaptureOutput {
    public var videoSettings: [String: Any]! = [:]
    public var alwaysDiscardsLateVideoFrames = true
    weak var delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?
    var queue: DispatchQueue?
    public func setSampleBufferDelegate(
        _ delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?
    ) {
        self.delegate = delegate
        self.queue = queue
    }
}

public let AVCaptureSessionErrorKey = "AVCaptureSessionErrorKey"

public struct AVError: Error {
    public enum Code: Int, Sendable { case unknown, mediaServicesWereReset }
    public let code: Code
}

public final class AVCaptureSession: NSObject, @unchecked Sendable {
    public struct Preset: Sendable {
        public static let vga640x480 = Preset()
    }
    public static let wasInterruptedNotification = NSNotification.Name("interrupted")
    public static let interruptionEndedNotification = NSNotification.Name("interruption ended")
    public static let runtimeErrorNotification = NSNotification.Name("error")
    public var sessionPreset = Preset.vga640x480
    private var output: AVCaptureVideoDataOutput?
    private var clock: (any DispatchSourceTimer)?
    private var seen = 0
    public func canAddInput(_ input: AVCaptureInput) -> Bool { true }
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { true }
    public func addInput(_ input: AVCaptureInput) {}
    public func addOutput(_ output: AVCaptureOutput) { self.output = output as? AVCaptureVideoDataOutput }
    public func startRunning() {
        guard clock == nil, let output else { return }
        let clock = DispatchSource.makeTimerSource(queue: output.queue)
        clock.schedule(deadline: .now(), repeating: .milliseconds(100))
        clock.setEventHandler { [self] in
            output.delegate?.captureOutput(
                output, didOutput: CMSampleBuffer(frames[seen % frames.count]), from: output.connection)
            seen += 1
        }
        clock.resume()
        self.clock = clock
    }
    public func stopRunning() {
        clock?.cancel()
        clock = nil
    }
}
