import Core
import Linux

/// Answers calls, one after another, in the process that it was created for.
final class CallDesk {
    private let listener: CInt
    private let bounds: Bounds
    private let home: CInt
    private var table: CredentialTable
    private let tables = CallTable.native

    /// - Parameters:
    ///   - listener: where the calls come from; lent.
    ///   - home: our own root directory; lent.
    init(listener: CInt, bounds: Bounds, home: CInt, table: CredentialTable) {
        (self.listener, self.bounds, self.home, self.table) = (listener, bounds, home, table)
    }

    func serve(_ call: SystemCall) {
        // A caller that was killed meanwhile needs no answer.
        do throws(Errno) {
            switch try answer(to: call) {
            case .value(let value): try? Linux.answer(call, value: value, at: listener)
            case .proceed: try? proceed(call, at: listener)
            case .given: break
            }
        } catch {
            try? Linux.answer(call, error: error, at: listener)
        }
    }

    private func answer(to call: SystemCall) throws(Errno) -> Answer {
        guard let entry = tables.first(where: { $0.architecture == call.architecture })?.entry(call.number) else {
            return .proceed
        }
        let caller = Caller(call: call, listener: listener, home: home, entry: entry)
        if let answer = StatusCalls(caller: caller).answer() { return answer }
        let credentials = try table.credentials(of: call.thread)
        if let (answer, new) = try IdentityCalls(caller: caller, credentials: credentials).answer() {
            if new != credentials {
                try caller.confirm()
                try table.set(new, of: call.thread)
            }
            return answer
        }
        // What the caller has given up we must not do in its place: Landlock binds the thread that makes the call.
        if credentials.isRestricted { return .proceed }
        if let answer = try OwnerCalls(caller: caller, credentials: credentials, bounds: bounds).answer() {
            return answer
        }
        if let answer = try AttributeCalls(caller: caller, credentials: credentials, bounds: bounds).answer() {
            return answer
        }
        return try CreationCalls(caller: caller, credentials: credentials, bounds: bounds).answer() ?? .proceed
    }
}
