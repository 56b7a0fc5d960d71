import Base
import Core
import Digest
import Linux

/// The digests of the data of objects. Each object is read once, no matter how many signatures cover it.
final class ObjectDigests {
    private let file: CInt
    private var known: [Key: [UInt8]] = [:]

    private struct Key: Hashable {
        let object: UInt32
        let algorithm: HashAlgorithm
    }

    /// - Parameter file: lent.
    init(_ file: CInt) { self.file = file }

    /// Returns the digest of exactly the object's bytes, or of as many as the file has.
    ///
    /// - Parameter wanted: all algorithms that will be needed for this object.
    func digest(of object: SIFDescriptor, _ algorithm: HashAlgorithm, wanted: Set<HashAlgorithm>) throws(SkiffError)
        -> [UInt8]
    {
        if let digest = known[Key(object: object.id, algorithm: algorithm)] { return digest }
        var digests: [MessageDigest] = []
        for algorithm in wanted.union([algorithm]) { digests.append(try MessageDigest(algorithm)) }
        try read(object, into: digests)
        var found: [UInt8] = []
        for digest in digests {
            let bytes = try digest.finish()
            known[Key(object: object.id, algorithm: digest.algorithm)] = bytes
            if digest.algorithm == algorithm { found = bytes }
        }
        return found
    }

    private func read(_ object: SIFDescriptor, into digests: [MessageDigest]) throws(SkiffError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var done: Int64 = 0
        while done < object.size {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<Int(min(Int64(buffer.count), object.size - done))])
            // The reader of the table has checked that offset plus size does not overflow.
            let count = try during("cannot read object \(object.id)") { () throws(Errno) in
                try readFully(file, into: piece, at: object.offset + done)
            }
            if count == 0 { return }
            for digest in digests { try digest.update(UnsafeRawBufferPointer(rebasing: piece[..<count])) }
            done += Int64(count)
        }
    }
}
