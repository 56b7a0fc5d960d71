import Base
import CLinux
import Linux

/// Our end of the talk with `skiff-mount`: starts it before anything else, so that it reads the superblock while the child
/// makes namespaces, and sees it off when the container has ended. The child inherits this end and hands in /dev/fuse
/// over it.
struct ImageServerLink: ~Copyable {
    let pid: pid_t
    let control: OwnedFD

    /// The numbers that the server finds its two descriptors at.
    private static let imageNumber: CInt = 3
    private static let controlNumber: CInt = 4

    /// Starts the server for the image of a plan.
    /// - Parameter file: the image, open.
    static func start(_ installation: Installation, _ image: RootImage, file: CInt) throws(SkiffError)
        -> ImageServerLink
    {
        let program = installation.imageServer
        var words = ["skiff-mount", "--offset", String(image.offset), "--size", String(image.size)]
        if let owner = image.owner { words += ["--uid", String(owner.uid), "--gid", String(owner.gid)] }
        do throws(Errno) {
            let pair = try makeSocketPair()
            let ours = OwnedFD(adopting: pair.first)
            let theirs = OwnedFD(adopting: pair.second)
            // Numbers far from the two that the server expects, so that one dup2 cannot overwrite the other's source.
            let source = OwnedFD(adopting: try duplicated(file))
            let far = OwnedFD(adopting: try duplicated(theirs.raw))
            let pid = try spawn(
                program, words, environment: [],
                descriptors: [(imageNumber, source.raw), (controlNumber, far.raw)], newSession: true)
            return ImageServerLink(pid: pid, control: ours)
        } catch {
            throw SkiffError(
                "cannot start the image server \(program)", errno: error,
                hint: "Reinstall skiff: the program belongs beside bin/skiff in libexec/skiff")
        }
    }

    private static func duplicated(_ fd: CInt) throws(Errno) -> CInt {
        let copy = skl_fcntl(fd, F_DUPFD_CLOEXEC, 100)
        if copy < 0 { throw Errno.current }
        return copy
    }

    /// What the server wrote about an image that it cannot serve; nil if it wrote nothing.
    func complaint() -> String? {
        guard (try? waitReadable(control.raw, milliseconds: 0)) == true,
            let message = try? receiveMessage(over: control.raw), message.bytes.first == UInt8(ascii: "E")
        else { return nil }
        return String(decoding: message.bytes.dropFirst(), as: UTF8.self)
    }

    /// Asks whether the connection is gone. If so the server ends at once and is waited for: nothing of ours is left when
    /// `skiff` returns. If processes of the container live on, so does the server, and nobody waits.
    consuming func farewell() {
        do throws(Errno) {
            try sendMessage([UInt8(ascii: "Q")], over: control.raw)
            let answer = try receiveMessage(over: control.raw)
            if answer.bytes.first == UInt8(ascii: "B") { return }
            _ = try waitFor(pid)
        } catch {
            // It was killed: its connection is down already.
            _ = try? waitFor(pid, options: WNOHANG)
        }
    }
}
