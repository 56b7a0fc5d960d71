import CLinux
import Foundation
import Linux

/// One end of a connection that plays a manager of systemd, by its private socket: it speaks the D-Bus specification as far as
/// a call of StartTransientUnit goes, and then does what the test says.
final class FakeManager: @unchecked Sendable {
    enum Behavior: Sendable {
        case silent, silentAfterGreeting, closes, garbage, rejects, garbageAfterGreeting
        /// An answer with this error.
        case refuses(String, String)
        /// The job ends with this result; before the answer or after it.
        case ends(String, early: Bool)
        case answersWithoutJob
    }

    let path: String
    private let directory: String
    private let listener: OwnedFD
    private let thread: Thread

    init(_ behavior: Behavior) throws {
        directory = NSTemporaryDirectory() + "/fake-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        path = directory + "/bus"
        listener = try listen(at: path, seqpacket: false)
        let socket = listener.raw
        thread = Thread {
            guard (try? waitReadable(socket, milliseconds: 30_000)) == true,
                let connection = try? acceptConnection(on: socket)
            else { return }
            try? Self.play(behavior, connection.raw)
            // The other end decides when it has had enough.
            while let bytes = try? Self.some(connection.raw), !bytes.isEmpty {}
        }
        thread.start()
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private static func some(_ fd: CInt) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = CLinux.read(fd, &buffer, buffer.count)
        return count > 0 ? Array(buffer.prefix(count)) : []
    }

    private static func play(_ behavior: Behavior, _ fd: CInt) throws {
        switch behavior {
        case .silent: return
        case .closes:
            shutdown(fd, CInt(SHUT_RDWR))
            return
        case .garbage: return try writeFully(fd, [UInt8](repeating: 0xff, count: 5000))
        case .rejects:
            _ = try some(fd)
            return try writeFully(fd, Array("REJECTED\r\nREJECTED\r\nREJECTED\r\n".utf8))
        default: break
        }
        // "\0AUTH EXTERNAL", "DATA", "NEGOTIATE_UNIX_FD", "BEGIN"; then messages.
        var got: [UInt8] = []
        func find(_ text: String) throws {
            while got.firstRange(of: Array(text.utf8)) == nil {
                let more = try some(fd)
                if more.isEmpty { throw Errno.brokenPipe }
                got += more
            }
        }
        try find("BEGIN\r\n")
        try writeFully(fd, Array("DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n".utf8))
        try find("StartTransientUnit")
        try find(".scope")
        let job = "/org/freedesktop/systemd1/job/7"
        let answer = message(2, fields: [(5, "u", .number(1))], "o", [.text(job)])
        func removed(_ result: String) -> [UInt8] {
            message(
                4,
                fields: [
                    (1, "o", .text("/org/freedesktop/systemd1")), (2, "s", .text("org.freedesktop.systemd1.Manager")),
                    (3, "s", .text("JobRemoved")),
                ], "uoss", [.number(7), .text(job), .text("a.scope"), .text(result)])
        }
        switch behavior {
        case .garbageAfterGreeting: try writeFully(fd, [UInt8](repeating: 0xff, count: 500))
        case .refuses(let name, let text):
            try writeFully(fd, message(3, fields: [(5, "u", .number(1)), (4, "s", .text(name))], "s", [.text(text)]))
        case .ends(let result, let isEarly):
            // Somebody else's job is none of ours.
            let other = message(
                4,
                fields: [
                    (1, "o", .text("/org/freedesktop/systemd1")), (2, "s", .text("org.freedesktop.systemd1.Manager")),
                    (3, "s", .text("JobRemoved")),
                ], "uoss", [.number(8), .text(job + "7"), .text("b.scope"), .text("failed")])
            try writeFully(fd, other + (isEarly ? removed(result) + answer : answer + removed(result)))
        case .answersWithoutJob: try writeFully(fd, message(2, fields: [(5, "u", .number(1))], "", []))
        default: return
        }
    }

    enum Value { case text(String), number(UInt32) }

    /// A message; the D-Bus specification, "Message Format".
    private static func message(
        _ type: UInt8, fields: [(code: UInt8, signature: String, value: Value)], _ signature: String, _ body: [Value]
    ) -> [UInt8] {
        func pad(_ bytes: inout [UInt8], _ alignment: Int) { while bytes.count % alignment != 0 { bytes.append(0) } }
        func put(_ value: Value, _ bytes: inout [UInt8]) {
            pad(&bytes, 4)
            switch value {
            case .number(let number): bytes += withUnsafeBytes(of: number.littleEndian) { Array($0) }
            case .text(let text):
                put(.number(UInt32(text.utf8.count)), &bytes)
                bytes += Array(text.utf8) + [0]
            }
        }
        var content: [UInt8] = []
        for value in body { put(value, &content) }
        var bytes: [UInt8] = [UInt8(ascii: "l"), type, 1, 1]
        put(.number(UInt32(content.count)), &bytes)
        put(.number(1), &bytes)
        var list: [UInt8] = []
        for field in fields {
            pad(&list, 8)
            list += [field.code, UInt8(field.signature.utf8.count)] + Array(field.signature.utf8) + [0]
            put(field.value, &list)
        }
        if !signature.isEmpty {
            pad(&list, 8)
            list += [8, 1, UInt8(ascii: "g"), 0, UInt8(signature.utf8.count)] + Array(signature.utf8) + [0]
        }
        // The list begins at 16, a multiple of 8.
        put(.number(UInt32(list.count)), &bytes)
        bytes += list
        pad(&bytes, 8)
        return bytes + content
    }
}
