import PluginAPI
package import PluginKit

/// What the command leaves for the process that reads the volume: the secret of the user. All else happens there, so that one process
/// derives keys, and one opens libcrypto.
package enum KeptSecret {
    /// A passphrase, or what a private key has unwrapped.
    case secret(SecretBytes)
    /// A private key in PEM, and what was wrapped for such keys.
    case key(SecretBytes, wrapped: [[UInt8]])

    /// The most that the host keeps, in bytes; `skiff/host/secret.h`.
    private static let room = 4096
    private static let number = 4

    /// Each part with its length before it. Nil where there is no room for so much.
    ///
    /// - Throws: what `body` throws.
    package func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(PluginError) -> Result
    ) throws(PluginError) -> Result? {
        let (secret, wrapped) = parts
        let count = wrapped.reduce(Self.number + secret.count) { $0 + Self.number + $1.count }
        guard count <= Self.room else { return nil }
        let bytes = try SecretBytes(count: count)
        bytes.withMutableBytes { room in
            secret.withBytes { secret in
                var place = Self.put(secret, in: room, at: 0)
                for message in wrapped {
                    place = message.withUnsafeBytes { Self.put($0, in: room, at: place) }
                }
            }
        }
        return try bytes.withBytes(body)
    }

    private var parts: (SecretBytes, [[UInt8]]) {
        switch self {
        case .secret(let bytes): (bytes, [])
        case .key(let bytes, let wrapped): (bytes, wrapped)
        }
    }

    private static func put(
        _ part: UnsafeRawBufferPointer, in room: UnsafeMutableRawBufferPointer, at place: Int
    ) -> Int {
        room.storeBytes(of: UInt32(clamping: part.count).littleEndian, toByteOffset: place, as: UInt32.self)
        UnsafeMutableRawBufferPointer(rebasing: room[(place + number)...]).copyMemory(from: part)
        return place + number + part.count
    }

    /// - Returns: nil for bytes that `withBytes` does not make.
    package init?(_ bytes: UnsafeRawBufferPointer) throws(PluginError) {
        var rest = bytes[...]
        func next() -> UnsafeRawBufferPointer? {
            guard rest.count >= Self.number else { return nil }
            let head = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.number))
            let count = Int(UInt32(littleEndian: head.loadUnaligned(as: UInt32.self)))
            rest = rest.dropFirst(Self.number)
            guard count <= rest.count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
        }
        guard let first = next() else { return nil }
        var wrapped: [[UInt8]] = []
        while !rest.isEmpty {
            guard let message = next() else { return nil }
            wrapped.append(Array(message))
        }
        let secret = try SecretBytes(copying: first)
        self = wrapped.isEmpty ? .secret(secret) : .key(secret, wrapped: wrapped)
    }

    /// Returns what opens the volume.
    package func unwrapped() throws(PluginError) -> SecretBytes {
        switch self {
        case .secret(let secret): return secret
        case .key(let text, let wrapped):
            let key = try text.withBytes { text throws(PluginError) in
                try RSAKey(privateKey: text, name: "that was given")
            }
            return try PrivateKey.pem(key).unwrap(wrapped).secret
        }
    }
}
