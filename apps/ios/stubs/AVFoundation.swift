// What the app uses of AVFoundation and Core Media.
@_exported import CoreVideo
@_exported import Foundation

public final class CMSampleBuffer {
    public var imageBuffer: CVPixelBuffer? { fatalError() }
}

public struct AVMediaType: Sendable {
    public static let video = AVMediaType()
}

public class AVCaptureInput: NSObject {}
public class AVCaptureOutput: NSObject {
    public func connection(with mediaType: AVMediaType) -> AVCaptureConnection? { fatalError() }
}

public final class AVCaptureConnection: NSObject {
    public var videoRotationAngle: CGFloat {
        get { fatalError() }
        set { fatalError() }
    }
    public func isVideoRotationAngleSupported(_ videoRotationAngle: CGFloat) -> Bool { fatalError() }
}

public final class AVCaptureDevice: NSObject, @unchecked Sendable {
    public struct DeviceType: Sendable {
        public static let builtInWideAngleCamera = DeviceType()
    }
    public enum Position: Int, Sendable { case unspecified, back, front }
    public class func `default`(_ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position) -> AVCaptureDevice? {
        fatalError()
    }
    public class func requestAccess(for mediaType: AVMediaType) async -> Bool { fatalError() }
}

public final class AVCaptureDeviceInput: AVCaptureInput {
    public init(device: AVCaptureDevice) throws { fatalError() }
}

public protocol AVCaptureVideoDataOutputSampleBufferDelegate: AnyObject {
    func captureOutput(_ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)
}

public final class AVCaptureVideoDataOutput: AVCaptureOutput {
    public var videoSettings: [String: Any]! {
        get { fatalError() }
        set { fatalError() }
    }
    public var alwaysDiscardsLateVideoFrames: Bool {
        get { fatalError() }
        set { fatalError() }
    }
    public func setSampleBufferDelegate(
        _ delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?
    ) { fatalError() }
}

public let AVCaptureSessionErrorKey = "AVCaptureSessionErrorKey"

public struct AVError: Error {
    public enum Code: Int, Sendable { case unknown, mediaServicesWereReset }
    public var code: Code { fatalError() }
}

public final class AVCaptureSession: NSObject, @unchecked Sendable {
    public struct Preset: Sendable {
        public static let vga640x480 = Preset()
    }
    public static let wasInterruptedNotification = NSNotification.Name("interrupted")
    public static let interruptionEndedNotification = NSNotification.Name("interruption ended")
    public static let runtimeErrorNotification = NSNotification.Name("error")
    public var sessionPreset: Preset {
        get { fatalError() }
        set { fatalError() }
    }
    public func canAddInput(_ input: AVCaptureInput) -> Bool { fatalError() }
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { fatalError() }
    public func addInput(_ input: AVCaptureInput) { fatalError() }
    public func addOutput(_ output: AVCaptureOutput) { fatalError() }
    public func startRunning() { fatalError() }
    public func stopRunning() { fatalError() }
}
