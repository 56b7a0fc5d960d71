import Base
import CLinux
import Linux

/// The process that keeps a shared container: it has the namespaces open, and ends the container when the last process
/// that entered has ended. It lives outside the container and belongs to none of them.
///
/// Nothing in the container leads to it, and it reads nothing that comes from there. A process that connects is of the
/// same user; the kernel says which one it is, and the keeper watches it by a pidfd, which can never come to mean
/// another process.
struct Keeper: ~Copyable {
    private let listener: OwnedFD
    private let place: MeetingPlace.Keepsakes
    private let namespaces: ContainerNamespaces
    /// Pidfds of the processes that have entered.
    private var members: [CInt] = []

    /// How long the first process takes at most to connect, and how often a keeper without members checks whether it
    /// may leave while somebody has the lock.
    private static let patience: CInt = 20

    init(_ listener: consuming OwnedFD, _ place: MeetingPlace.Keepsakes, _ namespaces: ContainerNamespaces) {
        self.listener = listener
        self.place = place
        self.namespaces = namespaces
    }

    /// Serves until nobody is left.
    consuming func serve() {
        while true {
            let ready =
                (try? readable(among: [listener.raw] + members, milliseconds: members.isEmpty ? Self.patience : -1))
                ?? []
            for member in ready where member != listener.raw {
                members.removeAll { $0 == member }
                _ = close(member)
            }
            if ready.contains(listener.raw) {
                admit()
            } else if members.isEmpty, place.leave(listener.raw) {
                return
            }
        }
    }

    private mutating func admit() {
        guard let socket = try? acceptConnection(on: listener.raw), let peer = try? peer(of: socket.raw),
            peer.uid == effectiveUID(), let process = try? openPidFD(peer.pid)
        else { return }
        members.append(process.release())
        try? namespaces.send(over: socket.raw)
    }
}
