import Base
import Linux

/// Puts a file that only its owner may read at a path, whole or not at all, and makes the directories above it.
///
/// - Parameter durable: whether it is to outlast a power failure. What is in the cache can be fetched again.
func replaceFile(_ path: String, _ bytes: [UInt8], durable: Bool = false) throws(SkiffError) {
    try during("cannot write \(path)") { () throws(Errno) in
        if let parent = parentPath(path), (try? status(parent)) == nil { try makeDirectories(parent, mode: 0o700) }
        try AtomicFile.replace(path, bytes, mode: 0o600, durable: durable)
    }
}

func replaceFile(_ path: String, _ text: String, durable: Bool = false) throws(SkiffError) {
    try replaceFile(path, Array(text.utf8), durable: durable)
}
