import Base
import CLinux
import CSystemd
import Linux

/// A connection to a manager of systemd over sd-bus, on which nothing is waited for longer than a deadline.
final class ManagerConnection {
    private let library: skl_bus
    private let bus: OpaquePointer
    private let address: ManagerAddress
    /// By `monotonicMilliseconds`.
    private let deadline: Int64

    /// - Throws: where nobody listens, or somebody else.
    init(_ address: ManagerAddress, deadline: Int64) throws(SkiffError) {
        guard let library = skl_bus_library()?.pointee else {
            throw SkiffError(
                "cannot ask systemd: cannot open libsystemd.so.0", hint: "Install the package libsystemd0")
        }
        var made: OpaquePointer?
        try Self.check(library.new(&made), address)
        guard let bus = made else { throw Self.refusal(address, .noMemory) }
        (self.library, self.bus, self.address, self.deadline) = (library, bus, address, deadline)
        // From here on deinit closes it.
        try Self.check(library.set_address(bus, address.text), address)
        try Self.check(library.set_bus_client(bus, address.isBus ? 1 : 0), address)
        try Self.check(library.start(bus), address)
        let socket = library.get_fd(bus)
        try Self.check(socket, address)
        let owner = try during("cannot ask systemd at \(address.text)") { () throws(Errno) in try peer(of: socket).uid }
        guard owner == 0 || owner == effectiveUID() else {
            throw SkiffError("cannot ask systemd at \(address.text): it is uid \(owner) who listens there")
        }
    }

    deinit { _ = library.close_unref(bus) }

    private static func check(_ result: Int32, _ address: ManagerAddress) throws(SkiffError) {
        if result < 0 { throw refusal(address, Errno(-result)) }
    }

    private static func refusal(_ address: ManagerAddress, _ errno: Errno) -> SkiffError {
        SkiffError("cannot ask systemd at \(address.text)", errno: errno)
    }

    private func check(_ result: Int32) throws(SkiffError) { try Self.check(result, address) }

    // MARK: - calls

    /// A method and where it is.
    struct Method: Sendable {
        let destination: String
        let path: String
        let interface: String
        let name: String

        /// org.freedesktop.systemd1(5).
        static func manager(_ name: String) -> Method {
            Method(
                destination: "org.freedesktop.systemd1", path: "/org/freedesktop/systemd1",
                interface: "org.freedesktop.systemd1.Manager", name: name)
        }

        /// The D-Bus specification, "Message Bus Messages".
        static func bus(_ name: String) -> Method {
            Method(
                destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus",
                name: name)
        }
    }

    /// A value of a message; the D-Bus specification, "Type System".
    indirect enum Value: Sendable {
        case text(String)
        case flag(Bool)
        case number(UInt32)
        case long(UInt64)
        /// The signature is that of an element.
        case array(String, [Value])
        case structure(String, [Value])
        case variant(String, Value)
    }

    /// Sends a call.
    /// - Returns: the number by which its answer is known.
    func send(_ method: Method, _ values: [Value]) throws(SkiffError) -> UInt64 {
        var made: OpaquePointer?
        try check(
            library.message_new_method_call(
                bus, &made, method.destination, method.path, method.interface, method.name))
        guard let message = made else { throw Self.refusal(address, .noMemory) }
        defer { _ = library.message_unref(message) }
        for value in values { try append(value, to: message) }
        var cookie: UInt64 = 0
        try check(library.send(bus, message, &cookie))
        return cookie
    }

    private func append(_ value: Value, to message: OpaquePointer) throws(SkiffError) {
        switch value {
        case .text(let text): try check(text.withCString { library.message_append_basic(message, Self.code("s"), $0) })
        case .flag(let isSet):
            var word: Int32 = isSet ? 1 : 0
            try check(library.message_append_basic(message, Self.code("b"), &word))
        case .number(var number): try check(library.message_append_basic(message, Self.code("u"), &number))
        case .long(var number): try check(library.message_append_basic(message, Self.code("t"), &number))
        case .array(let contents, let values): try append(values, within: "a", contents, to: message)
        case .structure(let contents, let values): try append(values, within: "r", contents, to: message)
        case .variant(let contents, let value): try append([value], within: "v", contents, to: message)
        }
    }

    private func append(_ values: [Value], within kind: Unicode.Scalar, _ contents: String, to message: OpaquePointer)
        throws(SkiffError)
    {
        try check(library.message_open_container(message, Self.code(kind), contents))
        for value in values { try append(value, to: message) }
        try check(library.message_close_container(message))
    }

    private static func code(_ character: Unicode.Scalar) -> CChar { CChar(truncatingIfNeeded: character.value) }

    // MARK: - answers

    /// A message that has come.
    struct Incoming: ~Copyable {
        private let library: skl_bus
        private let message: OpaquePointer

        fileprivate init(_ library: skl_bus, _ message: OpaquePointer) {
            (self.library, self.message) = (library, message)
        }

        deinit { _ = library.message_unref(message) }

        func answers(_ cookie: UInt64) -> Bool {
            var found: UInt64 = 0
            return library.message_get_reply_cookie(message, &found) >= 0 && found == cookie
        }

        /// The words of an error that is the answer: `NAME: MESSAGE`.
        var failure: (name: String, text: String)? {
            guard library.message_is_method_error(message, nil) > 0, let error = library.message_get_error(message)
            else { return nil }
            return (
                error.pointee.name.map { String(cString: $0) } ?? "",
                error.pointee.message.map { String(cString: $0) } ?? "without a reason"
            )
        }

        func isSignal(_ method: Method) -> Bool {
            library.message_is_signal(message, method.interface, method.name) > 0
        }

        /// Reads the next value: text or an object path.
        func text(_ code: Unicode.Scalar = "s") -> String? {
            var found: UnsafePointer<CChar>?
            guard library.message_read_basic(message, ManagerConnection.code(code), &found) > 0 else { return nil }
            return found.map { String(cString: $0) }
        }

        func skipNumber() -> Bool {
            var number: UInt32 = 0
            return library.message_read_basic(message, ManagerConnection.code("u"), &number) > 0
        }
    }

    /// Returns the next message.
    /// - Throws: when the deadline passes before one comes.
    func next() throws(SkiffError) -> Incoming {
        while true {
            var message: OpaquePointer?
            let result = library.process(bus, &message)
            try check(result)
            if let message { return Incoming(library, message) }
            let left = deadline - monotonicMilliseconds()
            guard left > 0 else { throw SkiffError("cannot ask systemd at \(address.text): it does not answer") }
            if result > 0 { continue }
            let waited = library.wait(bus, UInt64(left) * 1000)
            if waited != -EINTR { try check(waited) }
        }
    }
}
