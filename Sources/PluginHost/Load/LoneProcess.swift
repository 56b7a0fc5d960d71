import Base
import CLinux
import Linux

/// A process that runs code of plugins, gives an answer and ends: for questions that are asked outside of a launch. What the
/// code does to its process reaches nobody.
struct LoneProcess {
    private let status: ExitStatus
    private let isInTime: Bool
    private let record: CallRecord
    private let answer: [UInt8]

    /// In bytes: the longest answer.
    private static let longestAnswer = 1 << 20

    /// Forks, and waits until the new process has ended.
    ///
    /// - Parameters:
    ///   - milliseconds: after which it is killed.
    ///   - body: what the process does; it returns what the process answers.
    init(milliseconds: CInt = 10_000, _ body: () -> [UInt8]) throws(Errno) {
        record = try CallRecord()
        let file = try makeMemoryFile("answer", [])
        let child = try forkProcess()
        if child == 0 {
            try? setParentDeathSignal(SIGKILL)
            record.begin()
            try? writeFully(file.raw, body())
            leave(0)
        }
        let handle = try openPidFD(child)
        isInTime = try waitReadable(handle.raw, milliseconds: milliseconds)
        if !isInTime { try sendSignal(SIGKILL, to: handle) }
        status = try waitFor(child)?.status ?? .exited(255)
        // Opened anew: the writer's place in the file is its end.
        answer = try readFile("/proc/self/fd/\(file.raw)", limit: Self.longestAnswer)
    }

    /// The call in which it ended, as `org.example.hello: mounts`; nil outside of one.
    var call: String? { record.call }

    enum End {
        case answered([UInt8])
        /// With what there is to say about it.
        case late, broken(String)
    }

    var end: End {
        if !isInTime { return .late }
        return record.settled == 0 ? .answered(answer) : .broken(CallRecord.reason(status))
    }

    /// Returns the answer of a process that had the code of one plugin.
    func answer(of plugin: String) throws(SkiffError) -> [UInt8] {
        let who = "plugin \(call ?? plugin)"
        switch end {
        case .answered(let bytes): return bytes
        case .late: throw SkiffError("\(who): it does not come back")
        case .broken(let reason): throw SkiffError("\(who): \(reason)")
        }
    }
}
