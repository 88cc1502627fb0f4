// What the app uses of PhotosUI.
import Foundation
import SwiftUI

public struct PHPickerFilter: Sendable {
    public static let images = PHPickerFilter()
}

public protocol Transferable {}
extension Data: Transferable {}

public struct PhotosPickerItem: Equatable, Hashable, Sendable {
    let file: String

    public func loadTransferable<T: Transferable>(type: T.Type) async throws -> T? {
        try Data(contentsOf: URL(fileURLWithPath: file)) as? T
    }
}

/// A button; what is picked with it is a file that an order names.
public struct PhotosPicker: View {
    private let title: LocalizedStringKey
    private let selection: Binding<PhotosPickerItem?>
    public init(
        _ title: LocalizedStringKey, selection: Binding<PhotosPickerItem?>, matching filter: PHPickerFilter? = nil
    ) {
        self.title = title
        self.selection = selection
    }

    public var body: some View {
        PickingButton(title: title) { file in selection.wrappedValue = PhotosPickerItem(file: file) }
    }
}
