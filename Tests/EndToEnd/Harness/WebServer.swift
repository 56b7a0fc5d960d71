import CLinux
import Foundation
import Linux
import TestSupport

/// A web server on a free port of loopback; ends with the value.
final class WebServer {
    private let running: RunningCommand
    let address: String

    /// Lines like `"GET /file HTTP/1.1" 200 -`, one per request.
    var log: String { running.text("stderr") }

    init(_ folder: String) throws {
        try need(.python)
        let program =
            "import http.server,socketserver,functools,sys\n"
            + "h=functools.partial(http.server.SimpleHTTPRequestHandler,directory=sys.argv[1])\n"
            + "s=socketserver.ThreadingTCPServer(('127.0.0.1',0),h)\n"
            + "print('port=%d' % s.server_address[1],flush=True)\ns.serve_forever()\n"
        running = try Command(["/usr/bin/python3", "-c", program, folder], as: .current).start()
        guard running.waitForOutput("\n"), let port = running.text("stdout").split(separator: "=").last else {
            throw HarnessError("the web server does not start")
        }
        address = "http://127.0.0.1:\(port.trimmingCharacters(in: .whitespacesAndNewlines))"
    }

    func stop() throws {
        try running.signal(SIGKILL)
        _ = try running.wait(seconds: 5)
    }
}
