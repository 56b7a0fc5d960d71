import Base
import CLinux
import Linux

/// Asks for a passphrase at the terminal, which does not show what is typed. Standard input and output may be pipes; where there is no
/// terminal at all, the first line of standard input is taken, as Apptainer does.
struct PassphrasePrompt {
    private let text: String

    init(_ text: String) { self.text = text }

    /// The longest line that a terminal gives; termios(3).
    private static let longest = 4095

    /// Whether it can be asked for at a terminal.
    static var hasTerminal: Bool { (try? open("/dev/tty", O_RDWR | O_NOCTTY)) != nil }

    func ask(into memory: SecretMemory) throws(SkiffError) {
        guard let terminal = try? open("/dev/tty", O_RDWR | O_NOCTTY) else { return try takeLine(of: 0, into: memory) }
        guard tcgetpgrp(terminal.raw) == getpgrp() else {
            throw SkiffError(
                "cannot ask for the passphrase: the command runs in the background",
                hint: "Bring it to the foreground, or give --passphrase-fd, --key-command or --keyring")
        }
        // A signal must not leave the terminal silent: it is held back, and acts when the terminal is as it was.
        let mask = try during("cannot block signals") { () throws(Errno) in try setSignalMask(.all) }
        let silence = TerminalSilence(terminal.raw)
        defer {
            silence.end()
            // What the user typed at the end was not shown.
            try? writeFully(terminal.raw, "\n")
            _ = try? setSignalMask(mask)
        }
        let signals = try during("cannot wait for signals") { () throws(Errno) in try openEndSignals() }
        try during("cannot ask for the passphrase") { () throws(Errno) in
            try writeFully(terminal.raw, text)
        }
        let ready = try during("cannot wait for the passphrase") { () throws(Errno) in
            try readable(among: [signals.raw, terminal.raw], milliseconds: -1)
        }
        if ready.contains(signals.raw) { throw SkiffError("cannot read the passphrase: the command was stopped") }
        try takeLine(of: terminal.raw, into: memory)
    }

    /// Byte by byte: what follows the line is for the program.
    private func takeLine(of file: CInt, into memory: SecretMemory) throws(SkiffError) {
        let room = memory.room
        try during("cannot read the passphrase") { () throws(Errno) in
            while memory.count < Self.longest {
                let place = UnsafeMutableRawBufferPointer(rebasing: room[memory.count..<memory.count + 1])
                guard try read(file, into: place) == 1, place[0] != ASCII.newline else { return }
                memory.count += 1
            }
            throw .overflow
        }
    }
}
