// What the app uses of PhotosUI.
import Foundation
import SwiftUI

public struct PHPickerFilter: Sendable {
    public static let images = PHPickerFilter()
}

public protocol Transferable {}
extension Data: Transferable {}

public struct PhotosPickerItem: Equatable, Hashable, Sendable {
    public func loadTransferable<T: Transferable>(type: T.Type) async throws -> T? { fatalError() }
}

public struct PhotosPicker: View {
    public typealias Body = Never
    public init(_ title: LocalizedStringKey, selection: Binding<PhotosPickerItem?>, matching filter: PHPickerFilter? = nil) {
        fatalError()
    }
}
