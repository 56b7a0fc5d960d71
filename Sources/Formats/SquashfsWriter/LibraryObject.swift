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

/// The part of the open file that becomes the image.
final class OutputFile {
    private let file: LibraryObject<UnsafeMutablePointer<skl_squashfs_file>>
    private let descriptor: CInt
    private let offset: Int64
    private let hintWhenFull: String

    init(_ descriptor: CInt, offset: Int64, hintWhenFull: String) throws(SkiffError) {
        file = try LibraryObject(skl_squashfs_file_create(descriptor, UInt64(offset)))
        (self.descriptor, self.offset, self.hintWhenFull) = (descriptor, offset, hintWhenFull)
    }

    /// The file as libsquashfs knows it.
    var base: UnsafeMutablePointer<sqfs_file_t> {
        UnsafeMutableRawPointer(file.pointer).assumingMemoryBound(to: sqfs_file_t.self)
    }

    /// In bytes, from the start of the image.
    var size: UInt64 { file.pointer.pointee.size }

    /// Turns a status of libsquashfs into an error.
    func check(_ status: CInt) throws(SkiffError) {
        if status >= 0 { return }
        if status == SQFS_ERROR_IO.rawValue, file.pointer.pointee.error != 0 {
            throw failure(Errno(file.pointer.pointee.error))
        }
        throw SkiffError("cannot write the image: \(Self.reason(status))")
    }

    func failure(_ errno: Errno) -> SkiffError {
        let isFull = errno == .noSpace || errno == .quotaExceeded
        return SkiffError("cannot write the image", errno: errno, hint: isFull ? hintWhenFull : nil)
    }

    private static func reason(_ status: CInt) -> String {
        switch SQFS_ERROR(status) {
        case SQFS_ERROR_ALLOC: "out of memory"
        case SQFS_ERROR_COMPRESSOR: "the compressor failed"
        case SQFS_ERROR_UNSUPPORTED: "libsquashfs was built without this compression"
        case SQFS_ERROR_OVERFLOW: "a number is larger than squashfs can hold"
        default: "libsquashfs reports error \(status)"
        }
    }

    /// Pads the image to a whole page, which the kernel's loop device reads, and cuts off what discarded duplicates
    /// left after it.
    /// - Returns: the length with the padding, in bytes.
    func finish() throws(SkiffError) -> Int64 {
        let padded = (Int64(size) + 4095) / 4096 * 4096
        do throws(Errno) {
            try writeFully(
                descriptor, [UInt8](repeating: 0, count: Int(padded - Int64(size))), at: offset + Int64(size))
            try ftruncate(descriptor, offset + padded)
        } catch {
            throw failure(error)
        }
        return padded
    }
}
