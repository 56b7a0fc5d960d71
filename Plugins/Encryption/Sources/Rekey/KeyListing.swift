import PluginKit

/// `skiff sif keys`: how an image is encrypted, and by how many keys it opens. No key is needed to see that.
package enum KeyListing {
    static func print(_ path: String, _ session: Session) throws(PluginError) {
        let image = try EncryptedImage(path, session, isReadOnly: true)
        defer { image.edit.close() }
        var text: [String] = []
        switch image.kind {
        case .luks:
            let (header, _) = try image.unlocking.header()
            text.append(
                "Encryption:  LUKS2, \(LUKSHeader.cipher), \(LUKSHeader.keySize * 8) bits, sectors of \(header.sectorSize) bytes"
            )
            for slot in header.keyslots { text.append("Key slot \(slot.number):  \(slot.derivation.text)") }
        case .gocryptfs:
            text.append("Encryption:  gocryptfs, AES-256-GCM, one key")
        }
        for message in image.messages {
            text.append(
                "Object \(message.id):    wraps " + (message.name.isEmpty ? image.kind.secret : visible(message.name)))
        }
        let signatures = image.signatures
        if signatures.isEmpty {
            text.append("Integrity:   " + image.kind.integrity)
        } else {
            text.append("Integrity:   signed, see skiff verify")
        }
        do throws(SystemError) {
            try Host.write(text.joined(separator: "\n") + "\n", to: 1)
        } catch {
            throw PluginError("cannot write the list", error)
        }
    }

    /// Names are whatever the author of the image likes: none of them may change what the terminal shows.
    package static func visible(_ name: String) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension VolumeFilesystem {
    /// What an object without a name wraps.
    fileprivate var secret: String { self == .luks ? "the secret of a key slot" : "the passphrase" }

    /// What protects the content against changes, where nobody has signed it.
    fileprivate var integrity: String {
        switch self {
        case .luks: "none, whoever can write the file can change what it decrypts to; skiff sign protects it"
        case .gocryptfs: "every block is authenticated"
        }
    }
}

extension LUKSKeyDerivation {
    /// `argon2id, 128 MiB, 4 passes, 4 lanes`.
    package var text: String {
        switch self {
        case .argon2(let kind, let time, let memory, let lanes):
            let size = memory % 1024 == 0 ? "\(memory >> 10) MiB" : "\(memory) KiB"
            return "\(kind), \(size), \(time) passes, \(lanes) lane\(lanes == 1 ? "" : "s")"
        case .pbkdf2(let hash, let iterations): return "pbkdf2, \(hash.rawValue), \(iterations) iterations"
        }
    }
}
