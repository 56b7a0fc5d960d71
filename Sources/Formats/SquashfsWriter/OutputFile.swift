import Base
import CLinux
import CSquashfs
import Linux

/// The part of the open file that becomes the image, or the volume in it.
final class OutputFile {
    private let file: LibraryObject<UnsafeMutablePointer<skl_squashfs_file>>
    private let output: SquashfsOutput
    private let buffer: VolumeBuffer?
    private let hintWhenFull: String

    init(_ output: SquashfsOutput, _ options: SquashfsOptions) throws(SkiffError) {
        file = try LibraryObject(skl_squashfs_file_create(output.file, UInt64(output.offset)))
        (self.output, hintWhenFull) = (output, options.hintWhenFull)
        // Encryption is fast: few threads keep up with many that compress.
        buffer = output.volume.map { VolumeBuffer($0, threads: (options.threads + 3) / 4) }
        guard let buffer else { return }
        // Lives as long as this object.
        file.pointer.pointee.context = Unmanaged.passUnretained(buffer).toOpaque()
        file.pointer.pointee.read = { context, position, bytes, count in
            guard let context, let position = Int64(exactly: position) else { return EINVAL }
            let buffer = Unmanaged<VolumeBuffer>.fromOpaque(context).takeUnretainedValue()
            return buffer.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: count), at: position) ? 0 : EIO
        }
        file.pointer.pointee.write = { context, position, bytes, count in
            guard let context, let position = Int64(exactly: position) else { return EINVAL }
            let buffer = Unmanaged<VolumeBuffer>.fromOpaque(context).takeUnretainedValue()
            return buffer.write(UnsafeRawBufferPointer(start: bytes, count: count), at: position) ? 0 : EIO
        }
    }

    deinit { buffer?.stop() }

    /// The file as libsquashfs knows it.
    var base: UnsafeMutablePointer<sqfs_file_t> {
        UnsafeMutableRawPointer(file.pointer).assumingMemoryBound(to: sqfs_file_t.self)
    }

    /// In bytes, from the start of the image.
    var size: UInt64 { file.pointer.pointee.size }

    /// Turns a status of libsquashfs into an error.
    func check(_ status: CInt) throws(SkiffError) {
        if status >= 0 { return }
        if let reason = buffer?.reason { throw failure(reason) }
        if status == SQFS_ERROR_IO.rawValue, file.pointer.pointee.error != 0 {
            throw failure(Errno(file.pointer.pointee.error))
        }
        throw SkiffError("cannot write the image: \(Self.reason(status))")
    }

    func failure(_ errno: Errno) -> SkiffError { failure(SkiffError("cannot write the image", errno: errno)) }

    private func failure(_ error: SkiffError) -> SkiffError {
        guard error.errno == .noSpace || error.errno == .quotaExceeded else { return error }
        return SkiffError(error.message, errno: error.errno, hint: hintWhenFull)
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
    /// left after it; of a volume that is left to whoever finishes it.
    /// - Returns: the length with the padding, in bytes.
    func finish() throws(SkiffError) -> Int64 {
        let padded = (Int64(size) + 4095) / 4096 * 4096
        let padding = [UInt8](repeating: 0, count: Int(padded - Int64(size)))
        if let buffer {
            guard padding.withUnsafeBytes({ buffer.write($0, at: Int64(size)) }), buffer.finish(length: padded) else {
                throw failure(buffer.reason ?? SkiffError("cannot write the image", errno: .ioError))
            }
            return padded
        }
        do throws(Errno) {
            try writeFully(output.file, padding, at: output.offset + Int64(size))
            try ftruncate(output.file, output.offset + padded)
        } catch {
            throw failure(error)
        }
        return padded
    }
}
