import CLinux
import Linux
import Synchronization

/// The server's side of the socket to skiff, one message a packet.
///
/// To the server: `M` with the /dev/fuse descriptor once the child has mounted it; `Q` when the container's first process
/// has ended. From the server: `E` and a text when it cannot serve; `G` when nobody has the image mounted any more; `B`
/// after a `Q` when somebody has.
final class Control: Sendable {
    private let socket: CInt
    private let saidGone = Atomic<Bool>(false)

    init(socket: CInt) { self.socket = socket }

    /// The mounted /dev/fuse descriptor; nil when skiff ended or gave up before the mount.
    func waitForMount() -> OwnedFD? {
        do throws(Errno) {
            var message = try receiveMessage(over: socket)
            guard message.bytes == [UInt8(ascii: "M")] else { return nil }
            return message.descriptor.take()
        } catch {
            return nil
        }
    }

    /// Answers questions until skiff ends. A `Q` is answered at once; when the answer is `B`, `G` follows when it is true.
    func answer(about descriptor: CInt) {
        while let message = try? receiveMessage(over: socket), !message.bytes.isEmpty {
            guard message.bytes == [UInt8(ascii: "Q")] else { continue }
            if isGone(descriptor) { sayGone() } else { try? sendMessage([UInt8(ascii: "B")], over: socket) }
        }
    }

    func sayGone() {
        guard !saidGone.exchange(true, ordering: .relaxed) else { return }
        try? sendMessage([UInt8(ascii: "G")], over: socket)
    }

    func refuse(_ text: String) {
        try? sendMessage([UInt8(ascii: "E")] + Array(text.utf8), over: socket)
    }

    /// poll(2) says POLLERR on /dev/fuse once the connection is gone.
    private func isGone(_ descriptor: CInt) -> Bool {
        var entry = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLERR) != 0
    }
}
