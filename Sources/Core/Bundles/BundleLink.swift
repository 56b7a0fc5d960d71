import Base
import CLinux
import Linux

// Who says what to whom when a container of a bundle is made, or a program started in it. The link keeps message boundaries.
//
//   command                              child
//   clone ──────────────────────────▶    joins namespaces
//         ◀──────────────────────────    maps: a user namespace was made
//   writes the maps ────────────────▶    root of it, cgroup, mounts
//         ◀──────────────────────────    hooks: all is mounted, the root is still the host's
//   prestart, createRuntime ────────▶    createContainer, new root, terminal, privileges
//         ◀──────────────────────────    ready
//   writes the state ───────────────▶    does not end with the command any more
//         ◀──────────────────────────    held
//   ends                                 waits for a byte in the FIFO `start`
//                                        startContainer, execve: closes the FIFO `answer`, or says there why not
//
// Instead of any message the child may send its error, and end. The program of `exec` does not wait for a byte.

/// What the child says.
enum BundleMessage: UInt8 {
    case maps = 0x6D, hooks = 0x68, ready = 0x72, held = 0x77, error = 0x65

    /// In bytes: of what either says. The state of a container has its annotations.
    static let longest = 1 << 17
}

/// The child's ends.
struct BundleLinks {
    /// To the command.
    let command: CInt
    /// The FIFOs; nil for a program that is started at once.
    var gate: StartGate?

    var descriptors: [CInt] { [command] + (gate?.descriptors ?? []) }

    /// Says something, and waits until the command has answered.
    /// - Returns: the answer. This process ends where the command has.
    func ask(_ message: BundleMessage) -> [UInt8] {
        guard (try? sendMessage([message.rawValue], over: command)) != nil,
            let answer = try? receiveMessage(limit: BundleMessage.longest, over: command).bytes, !answer.isEmpty
        else { _exit(255) }
        return answer
    }

    func tell(_ message: BundleMessage, _ text: String = "") {
        // A message has a limit, as the buffer of a socket has.
        try? sendMessage([message.rawValue] + text.bytes.prefix(1 << 15), over: command)
    }
}

/// How a container that was created is started: two FIFOs in the directory of its state. The child has both open for reading
/// and writing, so that neither end waits for the other.
package struct StartGate: Sendable, Equatable {
    package let start: Int32
    package let answer: Int32

    package init(start: Int32, answer: Int32) { (self.start, self.answer) = (start, answer) }

    var descriptors: [CInt] { [start, answer] }

    /// What starts the program; anything else ends it.
    package static let starting: UInt8 = 1

    /// Waits until somebody starts the program, or ends it.
    func wait() {
        var byte: UInt8 = 0
        let count = try? withUnsafeMutableBytes(of: &byte) { bytes throws(Errno) in try read(start, into: bytes) }
        if count != 1 || byte != Self.starting { _exit(255) }
    }
}
