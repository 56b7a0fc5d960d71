import Base
import CLinux
import Core
import Grammar
import Linux

/// `instance logs`: the kept output of an instance.
struct InstanceLogs {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() throws(SkiffError) {
        let name = invocation.positionals.first ?? ""
        guard Instance.isName(name) else { throw SkiffError("\(name) is not a valid instance name") }
        let directory = InstanceDirectory.ofCaller()
        let both = invocation[.err] == invocation[.out]
        var streams: [(log: CInt, stream: CInt)] = []
        for (path, stream, isWanted) in [
            (directory.outputLog(name), CInt(1), both || invocation[.out]),
            (directory.errorLog(name), CInt(2), both || invocation[.err]),
        ] where isWanted {
            if let log = try directory.readLog(path) { streams.append((log.release(), stream)) }
        }
        if streams.isEmpty {
            throw SkiffError(
                "cannot show the logs of \(name): no instance of this name was ever started", code: .command)
        }
        repeat {
            // Asked before: what is written until the end is still shown.
            let isRunning = invocation[.follow] ? try directory.running(name) != nil : false
            for entry in streams { try copy(from: entry.log, to: entry.stream) }
            if !isRunning { return }
            pause(milliseconds: 200)
        } while true
    }

    private func copy(from log: CInt, to stream: CInt) throws(SkiffError) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { room.deallocate() }
        let isTerminal = isatty(stream) == 1
        try during("cannot show the log") { () throws(Errno) in
            while true {
                let count = try read(log, into: room)
                if count == 0 { return }
                let bytes = UnsafeRawBufferPointer(rebasing: room[..<count])
                if isTerminal {
                    try writeFully(stream, String(bytes: bytes).printableLines)
                } else {
                    try writeFully(stream, bytes)
                }
            }
        }
    }
}
