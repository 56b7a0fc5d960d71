import Base
import CLinux
import Linux

/// The process that keeps a container for processes that come later: it has the namespaces open and hands them out. It lives
/// outside the container and belongs to none of those processes.
///
/// Nothing in the container leads to it, and it reads nothing that comes from there. A process that connects is of the
/// same user; the kernel says which one it is, and where the keeper must know when that process ends, it watches a pidfd,
/// which can never come to mean another process.
struct Keeper: ~Copyable {
    /// What ends the container.
    enum End {
        /// The end of the last process that entered.
        case lastMember
        /// The end of the process that this pidfd stands for: PID 1.
        case process(CInt)
    }

    private let end: End
    private let address: MeetingAddress
    private let namespaces: ContainerNamespaces
    private var listener: OwnedFD
    /// Where the signals are read by which others tell what they want.
    private let wishes: OwnedFD
    private var isAskedToEnd = false
    /// Pidfds of the processes that have entered, where they end the container.
    private var members: [CInt] = []

    /// How long the first process takes at most to connect, and how often a keeper without members checks whether it
    /// may leave while somebody has the lock.
    private static let patience: CInt = 20

    /// From a process that finds no socket to connect to.
    static let listening = SIGUSR1
    /// From a process that is about to end the container: its end is no accident.
    static let ending = SIGUSR2

    /// All signals must be blocked.
    init(_ listener: consuming OwnedFD, _ address: MeetingAddress, _ namespaces: ContainerNamespaces, until end: End)
        throws(SkiffError)
    {
        wishes = try during("cannot wait for signals") { () throws(Errno) in
            try signalDescriptor(SignalSet([Self.listening, Self.ending]))
        }
        self.listener = listener
        (self.end, self.address, self.namespaces) = (end, address, namespaces)
    }

    var descriptors: [CInt] { [listener.raw, wishes.raw] }

    /// Serves until the container has ended, or nobody is left.
    /// - Returns: whether somebody asked for the end.
    consuming func serve() -> Bool {
        while true {
            switch end {
            case .process(let pidfd):
                let ready = (try? readable(among: [listener.raw, wishes.raw, pidfd], milliseconds: -1)) ?? []
                answer(ready)
                if ready.contains(pidfd) { return isAskedToEnd }
            case .lastMember:
                let ready =
                    (try? readable(
                        among: [listener.raw, wishes.raw] + members, milliseconds: members.isEmpty ? Self.patience : -1))
                    ?? []
                for member in ready where members.contains(member) {
                    members.removeAll { $0 == member }
                    _ = close(member)
                }
                if !answer(ready), members.isEmpty, address.leave(listener.raw) { return true }
            }
        }
    }

    /// - Returns: whether a process had connected.
    @discardableResult private mutating func answer(_ ready: [CInt]) -> Bool {
        if ready.contains(wishes.raw) {
            let wanted = (try? takeSignals(wishes.raw)) ?? []
            if wanted.contains(Self.ending) { isAskedToEnd = true }
            if wanted.contains(Self.listening) { listenAgain() }
        }
        guard ready.contains(listener.raw) else { return false }
        admit()
        return true
    }

    private mutating func admit() {
        guard let socket = try? acceptConnection(on: listener.raw), let peer = try? peer(of: socket.raw),
            peer.uid == effectiveUID()
        else { return }
        if case .lastMember = end {
            guard let process = try? openPidFD(peer.pid) else { return }
            members.append(process.release())
        }
        try? namespaces.send(over: socket.raw)
    }

    /// The end of a user's last session takes the user's files in /dev/shm along where logind.conf(5) says RemoveIPC=yes;
    /// the container stays.
    private mutating func listenAgain() {
        if (try? status(address.socketPath, follow: false)) != nil { return }
        if let made = try? address.listen() { listener = made }
    }
}
