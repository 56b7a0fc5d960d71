import Base
import CLinux
import Linux

/// Our end of the conversation with `skiff-mount`: starts it before anything else, so that it reads the superblock
/// while the child makes namespaces, and shuts it down when the container has ended. The child inherits this end and
/// hands in /dev/fuse over it.
struct ImageServerLink: ~Copyable {
    let pid: pid_t
    let control: OwnedFD

    /// The numbers at which the server finds its two descriptors.
    private static let imageNumber: CInt = 3
    private static let controlNumber: CInt = 4

    /// Starts the server for a squashfs image.
    /// - Parameters:
    ///   - owner: of all files, in ids of the container; nil for those of the image.
    ///   - file: the image, open.
    ///   - isLayer: whether it lies above another, so that it can hide something.
    ///   - volume: what an encrypted one is; its key goes over the socket, since the server takes it only when nobody of
    ///     the same user can look into it any more.
    static func start(
        _ installation: Installation, _ range: ByteRange, owner: FileOwner?, file: CInt,
        isLayer: Bool = false, volume: (encryption: EncryptedVolume, key: UnlockedVolume)? = nil
    ) throws(SkiffError) -> ImageServerLink {
        let program = installation.imageServer
        var words = ["skiff-mount", "--offset", String(range.offset), "--size", String(range.size)]
        if let owner { words += ["--uid", String(owner.uid), "--gid", String(owner.gid)] }
        if isLayer { words += ["--layer", "1"] }
        if let volume {
            words += ["--filesystem", String(volume.encryption.filesystem.rawValue), "--plugin", volume.key.plugin]
        }
        do throws(Errno) {
            let pair = try makeSocketPair()
            let ours = OwnedFD(adopting: pair.first)
            let theirs = OwnedFD(adopting: pair.second)
            let pid = try spawn(
                program, words, environment: [],
                descriptors: [(imageNumber, file), (controlNumber, theirs.raw)], newSession: true)
            if let key = volume?.key {
                try sendMessage([ImageServerMessage.key.rawValue], descriptor: key.descriptor, over: ours.raw)
            }
            LaunchStep.serverStarted.reached()
            return ImageServerLink(pid: pid, control: ours)
        } catch {
            throw SkiffError(
                "cannot start the image server \(program)", errno: error,
                hint: "Reinstall skiff: the program belongs in libexec/skiff")
        }
    }

    /// Returns what the server wrote about an image that it cannot serve; nil if it wrote nothing.
    static func complaint(over control: CInt) -> String? {
        // A server that ends with our message unread leaves ECONNRESET in front of its last words; unix(7).
        for _ in 0..<2 where (try? waitReadable(control, milliseconds: 0)) == true {
            guard let message = try? receiveMessage(over: control) else { continue }
            guard ImageServerMessage(message.bytes) == .refusal else { return nil }
            return String(bytes: message.bytes.dropFirst())
        }
        return nil
    }

    /// Asks whether the connection is gone. If so the server ends at once and is waited for: nothing of ours is left when
    /// `skiff` returns. If processes of the container live on, so does the server, and nobody waits.
    consuming func shutDown(after status: ExitStatus) {
        if status == .exited(255), let text = Self.complaint(over: control.raw) { Log.error("image server: \(text)") }
        endHelper(
            pid, over: control.raw, question: ImageServerMessage.question.rawValue,
            busy: ImageServerMessage.busy.rawValue)
    }
}
