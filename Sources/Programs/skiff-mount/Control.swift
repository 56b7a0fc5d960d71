import CLinux
import Core
import Linux
import Synchronization

/// The server's side of the socket to skiff, one message a packet.
final class Control: Sendable {
    private let socket: CInt
    private let saidGone = Atomic<Bool>(false)

    init(socket: CInt) { self.socket = socket }

    /// Returns the file with the key of an encrypted image; nil when skiff ended or gave up.
    func waitForKey() -> OwnedFD? { wait(for: .key) }

    /// Returns the mounted /dev/fuse descriptor; nil when skiff ended or gave up before the mount.
    func waitForMount() -> OwnedFD? { wait(for: .mounted) }

    private func wait(for expected: ImageServerMessage) -> OwnedFD? {
        do throws(Errno) {
            var message = try receiveMessage(over: socket)
            guard ImageServerMessage(message.bytes) == expected else { return nil }
            return message.descriptor.take()
        } catch {
            return nil
        }
    }

    /// Answers questions until skiff ends. Each is answered at once; after `busy`, `gone` follows when it is true.
    func answer(about descriptor: CInt) {
        while let message = try? receiveMessage(over: socket), !message.bytes.isEmpty {
            guard ImageServerMessage(message.bytes) == .question else { continue }
            if isGone(descriptor) { sayGone() } else { say(.busy) }
        }
    }

    func sayGone() {
        guard !saidGone.exchange(true, ordering: .relaxed) else { return }
        say(.gone)
    }

    func refuse(_ text: String) {
        say(.refusal, text)
    }

    private func say(_ message: ImageServerMessage, _ text: String = "") {
        try? sendMessage([message.rawValue] + text.bytes, over: socket)
    }

    /// Whether the connection is gone, which poll(2) reports as POLLERR on /dev/fuse.
    private func isGone(_ descriptor: CInt) -> Bool {
        var entry = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLERR) != 0
    }
}
