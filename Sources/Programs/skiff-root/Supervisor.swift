import CLinux
import Core
package import Linux

/// Answers the system calls of processes that believe to be root. One thread, and nothing but events: a message on the
/// control socket, a call on a listener, the end of either. It ends when nobody can ask it any more.
///
/// It has no power that its callers lack, being root of the same user namespace: what it can be tricked into, they can do.
package final class Supervisor {
    private let control: CInt
    private let home: OwnedFD
    private var isControlled = true
    private var listeners: [Listener] = []
    private var table = CredentialTable()
    private let tables = CallTable.native

    /// A filter's calls, and where their owners are kept.
    private final class Listener {
        private let fd: OwnedFD
        let number: CInt
        let bounds: Bounds
        init(_ fd: consuming OwnedFD, _ scope: KeepingScope) {
            number = fd.raw
            self.fd = fd
            bounds = Bounds(scope)
        }
    }

    /// - Parameter control: a seqpacket socket, see `SupervisorMessage`; lent.
    package init(control: CInt) throws(Errno) {
        self.control = control
        home = try open("/", SKL_O_PATH | O_DIRECTORY)
    }

    /// Comes back when the control socket and all listeners have ended.
    package func run() throws(Errno) {
        while isControlled || !listeners.isEmpty {
            let waiting = (isControlled ? [control] : []) + listeners.map(\.number)
            let (readable, closed) = try waitReadable(waiting)
            for listener in listeners where readable.contains(listener.number) { serve(listener) }
            listeners.removeAll { closed.contains($0.number) }
            if isControlled && (readable.contains(control) || closed.contains(control)) { try listen() }
        }
    }

    // MARK: control

    private func listen() throws(Errno) {
        var message = try receiveMessage(over: control)
        guard let first = message.bytes.first, let kind = SupervisorMessage(rawValue: first) else {
            isControlled = false
            return
        }
        switch kind {
        case .namespace:
            guard let namespace = message.descriptor.take() else { return }
            try join(namespace.raw, .user)
        case .listenOnRoot, .listenOnEverything:
            guard let listener = message.descriptor.take() else { return }
            wakeHere(listener.raw)
            listeners.append(Listener(listener, kind == .listenOnRoot ? .root : .everything))
        case .question:
            let answer: SupervisorMessage = listeners.isEmpty ? .gone : .busy
            try sendMessage([answer.rawValue], over: control)
            if listeners.isEmpty { isControlled = false }
        case .gone, .busy: break
        }
    }

    // MARK: calls

    private func serve(_ listener: Listener) {
        let fd = listener.number
        guard let call = try? receiveSystemCall(from: fd) else { return }
        // A caller that was killed meanwhile needs no answer.
        do throws(Errno) {
            switch try answer(to: call, listener) {
            case .value(let value): try? Linux.answer(call, value: value, at: fd)
            case .proceed: try? proceed(call, at: fd)
            case .given: break
            }
        } catch {
            try? Linux.answer(call, error: error, at: fd)
        }
    }

    private func answer(to call: SystemCall, _ listener: Listener) throws(Errno) -> Answer {
        guard let entry = tables.first(where: { $0.architecture == call.architecture })?.entry(call.number) else {
            return .proceed
        }
        let caller = Caller(call: call, listener: listener.number, home: home.raw, entry: entry)
        if let answer = StatusCalls(caller: caller).answer() { return answer }
        try listener.bounds.settle(caller)
        let credentials = try table.credentials(of: call.thread)
        if let (answer, new) = try IdentityCalls(caller: caller, credentials: credentials).answer() {
            if new != credentials {
                try caller.confirm()
                try table.set(new, of: call.thread)
            }
            return answer
        }
        if let answer = try OwnerCalls(caller: caller, credentials: credentials, bounds: listener.bounds).answer() {
            return answer
        }
        let creation = CreationCalls(caller: caller, credentials: credentials, bounds: listener.bounds)
        return try creation.answer() ?? .proceed
    }
}
