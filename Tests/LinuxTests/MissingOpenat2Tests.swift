import CLinux
import Foundation
import Testing

@testable import Linux

@Suite struct MissingOpenat2Tests {
    /// Under a filter that answers ENOSYS, as Linux before 5.6 does, or EPERM, as an old sandbox does. The filter holds for one
    /// thread and all that it starts.
    @Test(arguments: [ENOSYS, EPERM]) func walksWithoutOpenat2(answer: CInt) throws {
        let tree = try HostileTree()
        try tree.link("link", to: "/etc/passwd")
        try tree.link("out", to: tree.path + "/host/secret")
        let top = tree.top
        let outcome = Outcome()
        let thread = Thread {
            outcome.set {
                try setNoNewPrivileges()
                try installFilter(Self.filter(answer))
                let methods = [TreeLookup.probe()] + (answer == ENOSYS ? [.kernel] : [])
                return try methods.map { method in
                    let root = TreeRoot(try open(HostPath(top), [.pathOnly, .directory]), method)
                    let refusal = #expect(throws: Errno.self) { _ = try root.open("out", .read) }
                    return "\(try read(root, "link")) \(refusal == .noSuchFile) \(methods[0] == .walk)"
                }
            }
        }
        thread.start()
        for line in try outcome.wait() { #expect(line == "inside true true") }
    }

    /// BPF: openat2(2) is number 437 on every architecture.
    private static func filter(_ answer: CInt) -> [UInt8] {
        let instructions: [(code: UInt16, jt: UInt8, jf: UInt8, k: UInt32)] = [
            (0x20, 0, 0, 0), (0x15, 0, 1, 437), (0x06, 0, 0, 0x0005_0000 | UInt32(answer)), (0x06, 0, 0, 0x7FFF_0000),
        ]
        return instructions.flatMap { instruction in
            withUnsafeBytes(of: instruction.code, Array.init) + [instruction.jt, instruction.jf]
                + withUnsafeBytes(of: instruction.k, Array.init)
        }
    }
}

/// What a thread came to.
private final class Outcome: @unchecked Sendable {
    private let condition = NSCondition()
    private var result: Result<[String], any Error>?

    func set(_ body: () throws -> [String]) {
        let result = Result(catching: body)
        condition.withLock { self.result = result }
        condition.signal()
    }

    func wait() throws -> [String] {
        condition.lock()
        defer { condition.unlock() }
        while result == nil { condition.wait() }
        return try result?.get() ?? []
    }
}
