import Core
package import Linux

/// Takes listeners of filters, and lets a `Crew` answer the calls of each. It waits only in poll(2): for a message on a
/// socket, a report of a crew, the end of any of them. It ends when nobody can ask it any more.
///
/// It has no power that its callers lack, being root of the same user namespace: whatever it can be tricked into, they
/// can do. They cannot reach what it holds of the host: it was started outside their namespace, and is not dumpable.
package final class Supervisor {
    private let control: CInt
    private let home: OwnedFD
    private let table: CredentialTable
    private var isControlled = true
    private var isInside = false
    private var crews: [Crew] = []
    private var handovers: [Handover] = []
    private let ending = EndingProcesses()

    /// The socket of a launch that has yet to hand in its listener.
    private final class Handover {
        let socket: OwnedFD
        init(_ socket: consuming OwnedFD) { self.socket = socket }
    }

    /// - Parameter control: a seqpacket socket, see `SupervisorMessage`; lent.
    package init(control: CInt) throws(Errno) {
        self.control = control
        home = try open("/", [.pathOnly, .directory])
        table = try CredentialTable()
    }

    private static let interval: CInt = 250

    /// Returns when the control socket and all listeners have ended.
    package func run() throws(Errno) {
        while isControlled || !crews.isEmpty || !handovers.isEmpty {
            let sockets = (isControlled ? [control] : []) + handovers.map { $0.socket.raw }
            let needsWatching = crews.contains(where: \.needsWatching)
            let (readable, closed) = try waitReadable(
                sockets + crews.flatMap(\.lines), orEndOf: crews.map(\.number),
                milliseconds: needsWatching ? Self.interval : -1)
            ending.reap()
            for crew in crews {
                if closed.contains(crew.number) {
                    crew.end()
                } else {
                    crew.attend(readable: readable, closed: closed, table, home.raw)
                    if needsWatching { crew.watch() }
                }
            }
            crews.removeAll { closed.contains($0.number) }
            for handover in handovers
            where readable.contains(handover.socket.raw) || closed.contains(handover.socket.raw) {
                if !serve(handover) { handovers.removeAll { $0 === handover } }
            }
            if isControlled && (readable.contains(control) || closed.contains(control)) { try listen() }
        }
        ending.reapAtEnd()
    }

    // MARK: messages

    private func listen() throws(Errno) {
        var message = try receiveMessage(over: control)
        guard let kind = message.bytes.first.flatMap({ SupervisorMessage(rawValue: $0) }) else {
            isControlled = false
            return
        }
        let descriptor = message.descriptor.take()
        switch kind {
        case .namespace: try enter(descriptor)
        case .handover: if let descriptor { handovers.append(Handover(descriptor)) }
        case .question:
            let answer: SupervisorMessage = crews.isEmpty ? .gone : .busy
            try sendMessage([answer.rawValue], over: control)
            if crews.isEmpty {
                isControlled = false
                // The first process of the container has ended: nothing more comes from a launch that failed.
                handovers = []
            }
        case .identity, .listenOnRoot, .listenOnEverything, .accepted, .gone, .busy: break
        }
    }

    /// - Returns: whether more is to come. Anything unexpected ends the connection, and the launch with it.
    private func serve(_ handover: Handover) -> Bool {
        let socket = handover.socket.raw
        do throws(Errno) {
            var message = try receiveMessage(limit: SupervisorMessage.limit, over: socket)
            let descriptor = message.descriptor.take()
            let content = message.bytes.dropFirst()
            switch message.bytes.first.flatMap({ SupervisorMessage(rawValue: $0) }) {
            case .namespace:
                try enter(descriptor)
                return true
            case .identity:
                guard let user = ProgramUser(message: content) else { return false }
                let mark = try table.mark(of: Credentials(user))
                try sendMessage([SupervisorMessage.accepted.rawValue] + Self.bytes(of: mark), over: socket)
                return true
            case .listenOnRoot: try take(descriptor, content, .root)
            case .listenOnEverything: try take(descriptor, content, .everything)
            default: return false
            }
            try sendMessage([SupervisorMessage.accepted.rawValue], over: socket)
        } catch {
            return false
        }
        return false
    }

    private static func bytes(of number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    private func enter(_ namespace: consuming OwnedFD?) throws(Errno) {
        guard let namespace, !isInside else { throw .notPermitted }
        try join(namespace.raw, .user)
        isInside = true
    }

    private func take(_ listener: consuming OwnedFD?, _ root: ArraySlice<UInt8>, _ scope: KeepingScope) throws(Errno) {
        guard let listener, let root = SupervisedRoot(root) else { throw .invalidArgument }
        let crew = try Crew(listener, Bounds(scope, root), ending: ending)
        crew.start(table, home.raw)
        crews.append(crew)
    }
}
