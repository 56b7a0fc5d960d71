package import CLinux
import Linux

/// Where a manager of systemd takes requests: that of the host for its root, else the caller's own.
package struct ManagerAddress: Equatable, Sendable {
    /// As the D-Bus specification writes it, "Server Addresses".
    package let text: String
    /// Whether a message bus is between, which wants to be greeted; the sockets called `private` are the manager itself.
    package let isBus: Bool

    private init(_ text: String, isBus: Bool) { (self.text, self.isBus) = (text, isBus) }

    private init(path: String, isBus: Bool) { self.init("unix:path=" + Self.escaped(path), isBus: isBus) }

    /// Returns those to be tried, in order. Only sockets of unix(7): their other end says whose it is, and no program is started.
    /// - Parameter bus: DBUS_SESSION_BUS_ADDRESS; `runtime`: XDG_RUNTIME_DIR. Root obeys neither.
    package static func all(ofHost: Bool, uid: uid_t, bus: String?, runtime: String?) -> [ManagerAddress] {
        if ofHost {
            return [
                ManagerAddress(path: "/run/systemd/private", isBus: false),
                ManagerAddress(path: "/run/dbus/system_bus_socket", isBus: true),
            ]
        }
        let named = (bus ?? "").split(separator: ";").map(String.init).filter { $0.hasPrefix("unix:") }
        let directory = runtime.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/run/user/\(uid)"
        var found = named.map { ManagerAddress($0, isBus: true) }
        for address in [
            ManagerAddress(path: directory + "/bus", isBus: true),
            ManagerAddress(path: directory + "/systemd/private", isBus: false),
        ] where !found.contains(address) { found.append(address) }
        return found
    }

    /// Those of this process.
    package static func all() -> [ManagerAddress] {
        all(
            ofHost: effectiveUID() == 0 && inInitialUserNamespace(), uid: effectiveUID(),
            bus: environmentValue("DBUS_SESSION_BUS_ADDRESS"), runtime: environmentValue("XDG_RUNTIME_DIR"))
    }

    private static func escaped(_ path: String) -> String {
        var text: [UInt8] = []
        for byte in path.bytes {
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_/.".utf8.contains(byte)
            if isPlain { text.append(byte) } else { text += percent(byte) }
        }
        return String(bytes: text)
    }

    private static func percent(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
