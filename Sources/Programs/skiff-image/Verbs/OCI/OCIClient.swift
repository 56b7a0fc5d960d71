import Base
import CLinux
import Core
import Linux

/// The other side of a keeper: shows what the program writes, and hands on what is typed and which signals come.
struct OCIClient {
    private let socket: OwnedFDBox
    private let id: String

    /// - Returns: nil where no keeper listens.
    init?(_ container: OCIContainer) {
        guard let socket = try? connect(to: container.socket) else { return nil }
        (self.socket, id) = (OwnedFDBox(socket), container.id)
    }

    /// - Parameter start: called when nothing that the program writes can be missed.
    /// - Returns: the program's exit code; nil when the keeper has gone without a word.
    func attach(start: () throws(SkiffError) -> Void) throws(SkiffError) -> Int32? {
        let ours = SignalSet([SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH])
        let signals = try during("cannot take signals") { () throws(Errno) in
            _ = try setSignalMask(ours)
            ignoreSignal(SIGPIPE)
            return try signalDescriptor(ours)
        }
        try start()
        let raw = RawTerminal(0)
        defer { raw?.restore() }
        tellSize()
        var watched = [socket.raw, signals.raw, 0]
        while true {
            let ready = try during("cannot wait for container \(id)") { () throws(Errno) in
                try readable(among: watched, milliseconds: -1)
            }
            for descriptor in ready {
                if descriptor == 0 {
                    if !handOnInput() { watched.removeAll { $0 == 0 } }
                } else if descriptor == signals.raw {
                    handOnSignals(signals.raw)
                } else {
                    switch show() {
                    case .more: break
                    case .ended(let code): return code
                    case .gone: return nil
                    }
                }
            }
        }
    }

    private func say(_ kind: UInt8, _ bytes: [UInt8]) { try? sendMessage([kind] + bytes, over: socket.raw) }

    private func tellSize() {
        guard let size = TerminalSize(of: 0) else { return }
        say(KeeperMessage.size, "\(size.rows) \(size.columns)".bytes)
    }

    /// - Returns: false at the end of it.
    private func handOnInput() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try? buffer.withUnsafeMutableBytes { bytes throws(Errno) in try read(0, into: bytes) }
        guard let count, count > 0 else {
            say(KeeperMessage.endOfInput, [])
            return false
        }
        say(KeeperMessage.input, Array(buffer[..<count]))
        return true
    }

    private func handOnSignals(_ descriptor: CInt) {
        for signal in (try? takeSignals(descriptor)) ?? [] {
            if signal == SIGWINCH { tellSize() } else { say(KeeperMessage.signal, "\(signal)".bytes) }
        }
    }

    private enum Said { case more, gone, ended(Int32) }

    private func show() -> Said {
        guard let message = try? receiveMessage(limit: 20_000, over: socket.raw).bytes, let kind = message.first else {
            return .gone
        }
        let rest = Array(message.dropFirst())
        switch kind {
        case KeeperMessage.output: try? writeFully(1, rest)
        case KeeperMessage.error: try? writeFully(2, rest)
        case KeeperMessage.end: return .ended(Int32(String(bytes: rest)) ?? 255)
        default: break
        }
        return .more
    }
}
