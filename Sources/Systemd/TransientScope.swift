package import Base
package import CLinux
import Linux

/// A unit that systemd makes around processes which run already, with a cgroup that is the caller's to divide;
/// systemd.scope(5). systemd removes it with its last process.
package struct TransientScope: Sendable {
    /// `NAME.scope`.
    package var unit: String
    /// Nil for the manager's own choice.
    package var slice: String?
    package var processes: [pid_t]

    package init(unit: String, slice: String? = nil, processes: [pid_t]) {
        (self.unit, self.slice, self.processes) = (unit, slice, processes)
    }

    /// In milliseconds: how long all of it may take.
    package static let patience: Int64 = 15_000

    /// Makes it, and returns when the processes are in it.
    /// - Throws: where systemd refuses, or has not done it in time.
    package func make(
        at addresses: [ManagerAddress] = ManagerAddress.all(), patience: Int64 = Self.patience
    ) throws(SkiffError) {
        let deadline = monotonicMilliseconds() + patience
        var first: SkiffError?
        for address in addresses {
            let connection: ManagerConnection
            do throws(SkiffError) {
                connection = try ManagerConnection(address, deadline: deadline)
            } catch {
                if first == nil { first = error }
                continue
            }
            return try make(over: connection, isBus: address.isBus)
        }
        throw first ?? SkiffError("cannot ask systemd: it listens nowhere")
    }

    private func make(over connection: ManagerConnection, isBus: Bool) throws(SkiffError) {
        if isBus {
            // Answers of both come in the order of the calls.
            let rule = "type='signal',interface='\(Self.removed.interface)',member='\(Self.removed.name)'"
            _ = try connection.send(.bus("AddMatch"), [.text(rule)])
        }
        let cookie = try connection.send(
            .manager("StartTransientUnit"),
            [.text(unit), .text("fail"), .array("(sv)", properties), .array("(sa(sv))", [])])
        // The job may end before the answer tells its name.
        var (job, ended) = (String?.none, [String: String]())
        while true {
            let message = try connection.next()
            if message.answers(cookie) {
                if let failure = message.failure { throw refusal(failure.name, failure.text) }
                guard let path = message.text("o") else { throw refusal("", "it answers without a job") }
                job = path
            } else if message.isSignal(Self.removed), message.skipNumber(), let path = message.text("o"),
                message.text() != nil, let result = message.text()
            {
                ended[path] = result
            }
            guard let job, let result = ended[job] else { continue }
            if result != "done" { throw refusal("", "its job ends as '\(result)'") }
            return
        }
    }

    private static let removed = ManagerConnection.Method.manager("JobRemoved")

    private var properties: [ManagerConnection.Value] {
        var properties: [(name: String, signature: String, value: ManagerConnection.Value)] = [
            ("Description", "s", .text("Container of skiff")),
            ("Delegate", "b", .flag(true)),
            ("CollectMode", "s", .text("inactive-or-failed")),
            // Who stops it signals everybody, and programs that are PID 1 of a container may not listen.
            ("TimeoutStopUSec", "t", .long(10_000_000)),
            ("PIDs", "au", .array("u", processes.map { .number(UInt32(bitPattern: $0)) })),
        ]
        if let slice { properties.append(("Slice", "s", .text(slice))) }
        return properties.map { .structure("sv", [.text($0.name), .variant($0.signature, $0.value)]) }
    }

    private func refusal(_ name: String, _ reason: String) -> SkiffError {
        let isUnknown = name.hasSuffix(".NameHasNoOwner") || name.hasSuffix(".ServiceUnknown")
        return SkiffError(
            "cannot have systemd make \(unit): \(reason)",
            hint: isUnknown ? "No manager of systemd runs for this user: log in, or loginctl enable-linger" : nil)
    }
}
