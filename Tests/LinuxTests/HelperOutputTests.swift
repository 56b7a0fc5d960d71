import CLinux
import Linux
import Testing

/// Helpers whose answers are read.
@Suite struct HelperOutputTests {
    private func shell(_ script: String, from number: CInt = 1, input: String? = nil, limit: Int = 1000)
        throws(Errno) -> (bytes: [UInt8], status: Linux.ExitStatus?)
    {
        try output(
            of: "/bin/sh", ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"], from: number, input: input,
            limit: limit)
    }

    @Test func answersAreRead() throws {
        let plain = try shell("printf answer; exit 3")
        #expect(plain.bytes == Array("answer".utf8) && plain.status == .exited(3))
        let elsewhere = try shell("printf three >&3; printf error >&2", from: 3)
        #expect(elsewhere.bytes == Array("three".utf8) && elsewhere.status == .exited(0))
        let echoed = try shell("read word; printf \"<$word>\"; cat", input: "one\ntwo")
        #expect(echoed.bytes == Array("<one>two".utf8))
    }

    /// One that ends before it has read what it was given must not end us by SIGPIPE.
    @Test func inputMayStayUnread() throws {
        for _ in 0..<20 { #expect(try shell("exec <&-; exit 1", input: "word\n").status == .exited(1)) }
    }

    @Test func endlessAnswersEnd() throws {
        #expect(throws: Errno.self) { try shell("yes", limit: 1 << 16) }
        #expect(throws: Errno.noSuchFile) {
            try output(of: "/no/such/program", ["x"], environment: [], limit: 10)
        }
    }
}
