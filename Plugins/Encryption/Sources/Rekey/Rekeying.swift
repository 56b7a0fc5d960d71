import Glibc
import PluginAPI
import PluginKit

/// `skiff sif rekey`: other keys for the volume key of a LUKS2 image, whose data stays as it is.
///
/// The file is changed in place, under the lock of changes. A new slot is in it, and has reached the disk, before the header names it;
/// an old one is taken out of the header before its bytes are overwritten; and of the header's two copies one is always whole. So
/// whoever is killed leaves an image that opens with the old key, the new one, or both.
struct Rekeying {
    private let image: EncryptedImage
    private let session: Session

    init(_ path: String, _ session: Session) throws(PluginError) {
        (image, self.session) = (try EncryptedImage(path, session, isReadOnly: false), session)
    }

    /// What is to be done; one key opens the image in all cases.
    enum Change: Equatable {
        /// The new key takes the place of the one that opens the image.
        case replace
        case add
        /// The slot goes, which the key that opens the image must not be.
        case remove(Int)

        init(_ session: Session) throws(PluginError) {
            let adds = try session.flag("add").last == "true"
            guard let text = try session.flag("remove").last else {
                self = adds ? .add : .replace
                return
            }
            guard !adds else { throw PluginError("cannot use --add together with --remove") }
            for name in Self.sources where !(try session.flag("new-" + name).isEmpty) {
                throw PluginError("cannot use --new-\(name) together with --remove, which puts no new key in")
            }
            guard let number = Int(text), (0..<32).contains(number) else {
                throw PluginError("cannot remove key slot \(text): skiff sif keys shows their numbers")
            }
            self = .remove(number)
        }

        private static let sources = ["passphrase", "pem-path", "passphrase-fd", "key-command", "keyring"]
    }

    func run() throws(PluginError) {
        defer { image.edit.close() }
        let change = try Change(session)
        guard image.kind == .luks else {
            throw PluginError(
                "cannot change the keys of \(image.path): gocryptfs has one key\nBuild the image anew with another",
                status: SKIFF_E_UNSUPPORTED)
        }
        if let signature = image.signatures.first {
            throw PluginError(
                "cannot change the keys of \(image.path): it is signed, and the signatures cover the header with the keys\n"
                    + "Delete them first, and sign the image again: skiff sif del \(signature.id) \(image.path)")
        }
        let (header, memory) = try image.unlocking.prepare()
        let volume = try HeaderInPlace(image.unlocking.part, header, memory)
        let opened = try open(volume.file, header)
        switch change {
        case .add: try add(volume, opened.key)
        case .replace:
            try add(volume, opened.key)
            try remove(opened.slot, opened.message, volume)
        case .remove(let slot):
            guard header.keyslots.contains(where: { $0.number == slot }) else {
                throw PluginError("cannot remove key slot \(slot) of \(image.path): there is none")
            }
            guard slot != opened.slot else {
                throw PluginError(
                    "cannot remove key slot \(slot) of \(image.path): it is the one that the given key opens\n"
                        + "Give the key of another slot, or leave out --remove to put a new key in its place")
            }
            try remove(slot, message(of: slot), volume)
        }
        Kit.log(.info, "\(image.path): \(try change.report(image))")
    }

    /// What opens the image now.
    private struct Opened {
        let key: SecretBytes
        let slot: Int
        /// The object with the wrapped secret; nil for a passphrase.
        let message: UInt32?
    }

    private func open(_ file: LUKSHeaderFile, _ header: LUKSHeader) throws(PluginError) -> Opened {
        let slots = header.keyslots.filter(\.derivation.isBearable).map(\.number)
        let byKey = try session.borrow("pem") { (text) throws(PluginError) -> Opened? in
            let key = try PrivateKey(session, text)
            var wrapped: [(id: UInt32, bytes: [UInt8])] = []
            for message in image.messages {
                let bytes = try image.bytes(message)
                let found = try? bytes.withUnsafeBufferPointer { bytes throws(PluginError) in
                    try KeyMessage.wrapped(in: UnsafeRawBufferPointer(bytes))
                }
                if let found { wrapped.append((message.id, found)) }
            }
            if wrapped.isEmpty { return nil }
            let (index, secret) = try key.unwrap(wrapped.map(\.bytes))
            guard let found = try file.unlock(secret, slots) else { return nil }
            return Opened(key: found.key, slot: found.slot, message: wrapped[index].id)
        }
        if let opened = byKey {
            if let opened { return opened }
            throw wrong
        }
        let byPassphrase = try session.borrow("passphrase") { (bytes) throws(PluginError) -> Opened? in
            guard let found = try file.unlock(try SecretBytes(copying: bytes), slots) else { return nil }
            return Opened(key: found.key, slot: found.slot, message: nil)
        }
        guard let byPassphrase else {
            throw PluginError(
                "cannot change the keys of \(image.path): there is no key that opens it\n"
                    + "Give --passphrase, or --pem-path with the private key")
        }
        guard let byPassphrase else { throw wrong }
        return byPassphrase
    }

    private var wrong: PluginError {
        PluginError("cannot open \(image.path): the passphrase or key is wrong", status: SKIFF_E_DENIED)
    }

    private func add(_ volume: HeaderInPlace, _ key: SecretBytes) throws(PluginError) {
        let secret = try newSecret()
        let slot = try volume.file.add(
            secret.secret, secret.message == nil ? .passphrase : .randomSecret, volumeKey: key)
        try volume.write(.slotsFirst)
        guard let message = secret.message else { return }
        _ = try image.edit.append(
            .init(link: image.partition.id, name: Self.name(of: slot), size: Int64(message.count))
        ) { place throws(PluginError) in
            do throws(SystemError) {
                try Host.write(message, to: place.descriptor, at: place.offset)
            } catch {
                throw PluginError("cannot write the wrapped key", error)
            }
        }
        try image.edit.commit()
    }

    private func newSecret() throws(PluginError) -> VolumeSecret {
        let wrapped = try session.borrow("new-pem") { (text) throws(PluginError) in
            try VolumeSecret(wrappedBy: try RSAKey(publicKey: text, name: "that is new"), for: .luks)
        }
        if let wrapped { return wrapped }
        let passphrase = try session.borrow("new-passphrase") { (bytes) throws(PluginError) in
            try VolumeSecret(passphrase: try SecretBytes(copying: bytes))
        }
        guard let passphrase else {
            throw PluginError(
                "cannot change the keys of \(image.path): there is no new key\n"
                    + "Give --new-passphrase, or --new-pem-path with a public key")
        }
        return passphrase
    }

    private func remove(_ slot: Int, _ message: UInt32?, _ volume: HeaderInPlace) throws(PluginError) {
        try volume.file.remove(slot)
        try volume.write(.headerFirst)
        guard let message else { return }
        try image.edit.remove(message)
        try image.edit.commit()
    }

    /// The name of an object with the wrapped secret of a slot; those of a build, for slot 0, have none.
    private static func name(of slot: Int) -> String { "key slot \(slot)" }

    private func message(of slot: Int) -> UInt32? {
        let named = image.messages.first { $0.name == Self.name(of: slot) }
        return (named ?? (slot == 0 ? image.messages.first { $0.name.isEmpty } : nil))?.id
    }
}

extension Rekeying.Change {
    /// - Returns: what has been done.
    fileprivate func report(_ image: EncryptedImage) throws(PluginError) -> String {
        let count = try image.unlocking.header().0.keyslots.count
        let now = "it opens with \(count) key\(count == 1 ? "" : "s") now"
        switch self {
        case .replace: return "the new key is in the place of the old one; \(now)"
        case .add: return "the new key was added; \(now)"
        case .remove(let slot): return "key slot \(slot) was removed; \(now)"
        }
    }
}
