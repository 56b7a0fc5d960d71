import Base
import CSquashfs
import Linux

/// An object of libsquashfs, which is freed with this one.
final class LibraryObject<Pointer> {
    let pointer: Pointer
    private let raw: UnsafeMutableRawPointer

    private init(_ pointer: Pointer, _ raw: UnsafeMutableRawPointer) { (self.pointer, self.raw) = (pointer, raw) }

    deinit { skl_squashfs_destroy(raw) }
}

extension LibraryObject where Pointer == OpaquePointer {
    /// - Throws: when the pointer is null, which in this library means that memory ran out.
    convenience init(_ pointer: OpaquePointer?) throws(SkiffError) {
        guard let pointer else { throw SkiffError("cannot write the image", errno: .noMemory) }
        self.init(pointer, UnsafeMutableRawPointer(pointer))
    }
}

extension LibraryObject {
    convenience init<Value>(_ pointer: UnsafeMutablePointer<Value>?) throws(SkiffError)
    where Pointer == UnsafeMutablePointer<Value> {
        guard let pointer else { throw SkiffError("cannot write the image", errno: .noMemory) }
        self.init(pointer, UnsafeMutableRawPointer(pointer))
    }
}

typealias OpaqueObject = LibraryObject<OpaquePointer>
typealias CompressorObject = LibraryObject<UnsafeMutablePointer<sqfs_compressor_t>>
