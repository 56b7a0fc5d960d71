import CLinux
import Linux
import TestSupport

/// A server on loopback that gives prepared answers, one for each connection, and keeps what it was asked.
///
/// A program of its own: what is tested blocks the thread that asks.
final class OneShotServer {
    let port: Int
    private let process: pid_t
    private let scratch: Scratch

    private static let program = """
        import socket, sys
        answers = [answer.encode("latin-1").decode("unicode_escape").encode("latin-1") for answer in sys.argv[2:]]
        listener = socket.create_server(("127.0.0.1", 0))
        with open(sys.argv[1] + "/port.new", "w") as file: file.write(str(listener.getsockname()[1]))
        import os; os.rename(sys.argv[1] + "/port.new", sys.argv[1] + "/port")
        for number, answer in enumerate(answers):
            connection, _ = listener.accept()
            asked = b""
            while b"\\r\\n\\r\\n" not in asked: asked += connection.recv(65536)
            head, _, body = asked.partition(b"\\r\\n\\r\\n")
            length = [int(line[15:]) for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length:")]
            while length and len(body) < length[0]: body += connection.recv(65536)
            with open(sys.argv[1] + "/asked.%d" % number, "wb") as file: file.write(head + b"\\r\\n\\r\\n" + body)
            connection.sendall(answer)
            connection.close()
        """

    /// - Parameter answers: as they go over the wire, with escapes.
    init(_ answers: [String]) throws {
        scratch = try Scratch()
        process = try spawn(
            "/usr/bin/python3", ["python3", "-c", Self.program, scratch.path] + answers, environment: [])
        var found: Int?
        for _ in 0..<3000 where found == nil {
            found = (try? scratch.text("port")).flatMap { Int($0) }
            if found == nil { pause(milliseconds: 5) }
        }
        guard let found else { throw Errno.noSuchProcess }
        port = found
    }

    deinit {
        try? sendSignal(SIGKILL, to: process)
        _ = try? waitFor(process)
    }

    var address: String { "http://127.0.0.1:\(port)" }

    /// What the request of that number was, in lines; empty when it did not come.
    func asked(_ number: Int) -> [String] {
        guard let text = try? scratch.text("asked.\(number)") else { return [] }
        return text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
    }
}
